"""Builds inside futures and steps share the slots of the run."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.conftest import MakeStackDir, Outcome, StackDir
from tests.integration.probes import plugin

pytestmark = pytest.mark.usefixtures("served_runs")

PYTHON = "extras.d/50-demo.py"
SCRIPT = "extras.d/60-script.sh"
NINJA = str(Path(sys.executable).with_name("ninja"))

MARK = '#!/bin/sh\necho "start $1" >>order\nsleep 0.03\necho "end $1" >>order\n'
MEET = """\
#!/bin/sh
: >"here-$1"
i=0
until [ "$(ls here-* | wc -l)" -ge 2 ]; do
    i=$((i + 1))
    [ $i -lt 5000 ] || exit 1
    sleep 0.02
done
"""


def build_file(script: str, *names: str) -> str:
    edges = "".join(f"build {name}: work\n" for name in names)
    return f"rule work\n  command = ./{script} $out\n{edges}"


def files(**builds: str) -> dict[str, str]:
    return {"mark": MARK, "meet": MEET, **{f"{name}.ninja": text for name, text in builds.items()}}


def run(stack: StackDir, *arguments: str, **environ: str) -> Outcome:
    for script in ("mark", "meet"):
        (stack.path / script).chmod(0o755)
    return stack.run(*arguments, "stack", **environ).ok()


def most_at_once(stack: StackDir) -> int:
    at_once = most = 0
    for line in (stack.path / "order").read_text().splitlines():
        at_once += 1 if line.startswith("start") else -1
        most = max(most, at_once)
    return most


BUILDS = plugin(f"""
    def build(stack, name):
        stack.run([{NINJA!r}, "-f", f"{{name}}.ninja"])

    @hookimpl
    def stack_install(stack):
        yield async_run("a", build, "a")
        yield async_run("b", build, "b")
        yield async_run("c", shell("{NINJA} -f c.ninja"))
        yield async_wait("a", "b", "c")
""")


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_jobs_bound_futures_and_what_ninja_runs_in_them(stack_dir: MakeStackDir, jobs: int) -> None:
    builds = {name: build_file("mark", *(f"{name}{n}" for n in range(4))) for name in "abc"}
    stack = stack_dir({PYTHON: BUILDS, **files(**builds)})

    run(stack, "-n", str(jobs))

    lines = (stack.path / "order").read_text().splitlines()
    assert len(lines) == 2 * 3 * 4
    assert most_at_once(stack) <= jobs


def test_build_may_use_the_slots_that_no_future_needs(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin(f"""
        @hookimpl
        def stack_install(stack):
            yield async_run("a", [{NINJA!r}, "-f", "a.ninja"])
            yield async_wait("a")
    """),
            **files(a=build_file("meet", "x", "y")),
        }
    )

    run(stack, "-n", "2")


def test_build_of_the_main_line_shares_them(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin(f"""
        def hold(stack):
            Path("held").touch()
            passing("gate")

        def build(stack):
            until(lambda: Path("held").exists())
            stack.run([{NINJA!r}, "-f", "a.ninja"])
            opened("gate")

        @hookimpl
        def stack_install(stack):
            yield async_run("hold", hold)
            yield run(build)
            yield async_wait("hold")
    """),
            **files(a=build_file("mark", "x", "y", "z")),
        }
    )
    os.mkfifo(stack.path / "gate")

    run(stack, "-n", "1")

    assert most_at_once(stack) == 1, "the main line's own job, as the future has the only slot"


TAKE = """\
    def take(stack, number):
        auth = os.environ["MAKEFLAGS"].rpartition("--jobserver-auth=fifo:")[2]
        pipe = os.open(auth, os.O_RDWR | os.O_NONBLOCK)
        assert len(os.read(pipe, number)) == number
        os.close(pipe)
"""


@pytest.mark.parametrize("who", ["run(take, 2)", "async_run('thief', take, 1)"])
def test_tokens_of_a_dead_build_come_back(stack_dir: MakeStackDir, who: str) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin(f"""
{TAKE}
        def meet(stack, mine, other):
            Path(mine).touch()
            until(lambda: Path(other).exists())

        def nothing(stack):
            pass

        @hookimpl
        def stack_install(stack):
            yield {who}
            yield async_wait("thief")
            yield async_run("a", meet, "a", "b")
            yield async_run("b", meet, "b", "a")
            yield async_wait("a", "b")
    """),
            **files(),
        }
    )

    run(stack, "-n", "2")


def test_queued_future_starts_when_a_build_gives_its_token_back(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin("""
        def build(stack):
            auth = os.environ["MAKEFLAGS"].rpartition("--jobserver-auth=fifo:")[2]
            pipe = os.open(auth, os.O_RDWR)
            token = os.read(pipe, 1)
            Path("taken").touch()
            until(lambda: Path("queued").exists())
            os.write(pipe, token)
            until(lambda: Path("waits").exists())

        def waits(stack):
            Path("waits").touch()

        def queue(stack):
            until(lambda: Path("taken").exists())
            stack.async_run("waits", waits)
            Path("queued").touch()
            stack.async_wait("waits")

        @hookimpl
        def stack_install(stack):
            yield async_run("build", build)
            yield run(queue)
            yield async_wait("build")
    """),
            **files(),
        }
    )

    run(stack, "-n", "2")


SHOW = plugin("""
    def show(stack):
        print("future:", os.environ["MAKEFLAGS"])

    @hookimpl
    def stack_install(stack):
        yield async_run("a", show)
        yield run(["sh", "-c", 'echo "program: $MAKEFLAGS"'])
        yield run(shell('echo "shell: $MAKEFLAGS"'))
        yield async_wait("a")
""")


@pytest.mark.parametrize("serial", [False, True])
def test_everything_that_a_run_starts_has_the_jobserver(
    stack_dir: MakeStackDir, serial: bool
) -> None:
    stack = stack_dir({PYTHON: SHOW, **files()})

    outcome = run(stack, MAKEFLAGS="-k", DEVSTACK_PARALLEL=str(not serial))

    told = dict(line.split(": ", 1) for line in outcome.lines if "--jobserver-auth" in line)
    assert told.keys() == {"future", "program", "shell"}
    assert len(set(told.values())) == 1
    assert told["shell"].startswith(" -k ")
    path = told["shell"].rpartition("fifo:")[2]
    assert not Path(path.split()[0]).exists(), "gone with the run"


@pytest.mark.skipif(not shutil.which("make"), reason="no make here")
def test_make_in_a_future_prints_no_warning(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin("""
        @hookimpl
        def stack_install(stack):
            yield async_run("a", ["make", "-s"])
            yield async_wait("a")
    """),
            "Makefile": "all:\n\t@$(MAKE) -s sub\nsub:\n\t@echo made\n",
            **files(),
        }
    )

    run(stack, "-n", "2")

    assert stack.log("a") == "made\n"


@pytest.mark.skipif(not shutil.which("cargo"), reason="no cargo here")
def test_cargo_joins(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            SCRIPT: """\
                if [[ "$1 $2" == "stack install" ]]; then
                    async_run a cargo build --offline --manifest-path crate/Cargo.toml
                    async_wait a
                    echo "slots: ${MAKEFLAGS##*fifo:}"
                fi
            """,
            "crate/Cargo.toml": '[package]\nname = "demo"\nversion = "0.1.0"\nedition = "2021"\n',
            "crate/src/main.rs": "fn main() {}\n",
            "crate/build.rs": """\
                fn main() {
                    let flags = std::env::var("CARGO_MAKEFLAGS").unwrap();
                    println!("cargo:warning=told {}", flags);
                }
            """,
            **files(),
        }
    )

    lines = run(stack, "-n", "2").lines

    slots = next(line.removeprefix("slots: ") for line in lines if line.startswith("slots: "))
    told = next(line for line in lines if "told" in line)
    assert f"--jobserver-auth=fifo:{slots.strip()}" in told
