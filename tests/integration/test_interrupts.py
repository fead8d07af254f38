"""Runs that are stopped: Ctrl-C, SIGTERM, a failing step, a second run."""

import os
import random
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import DOIT, MakeStackDir, Outcome, StackDir, stack_dirs
from tests.integration.probes import is_dead, marked, plugin, wait_until

HARD = plugin("""
    def stubborn(stack, name, daemon):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen(["sleep", "600"], start_new_session=daemon)
        subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 600; sleep 600"])
        Path(name).touch()
        time.sleep(600)

    def polite(stack):
        try:
            Path("polite").touch()
            time.sleep(600)
        finally:
            print("cleaning up")

    @hookimpl
    def stack_pre_install(stack):
        yield async_run("stubborn", stubborn, "stubborn", True)
        yield async_run("polite", polite)
        yield async_run("program", ["sh", "-c", "touch program; setsid sleep 600; sleep 600"])
        yield run(shell(":"))
""")

BASH = """\
stubborn() {
    trap '' TERM
    setsid sleep 600 & sleep 600 &
    touch bash
    while :; do wait; sleep 600; done
}
if [[ "$1 $2" == "stack pre-install" ]]; then
    async_run bash stubborn
fi
"""

PATIENT = """
from doitstack.processes import tree
tree.stop.__kwdefaults__["grace"] = 600
"""
"""Whoever waits for a grace now does so for ever."""

Interrupted = dict[str, Future[tuple[Outcome, list[int]]]]
"""How the run of each way ends, and the processes that it has left."""

READY = ("stubborn", "polite", "program", "bash")

WAYS = {
    "python": "yield run(standing, name='standing')",
    "program": "yield run(['sh', '-c', 'touch standing; sleep 600 & sleep 600'])",
    "action": "yield run(by_stack, name='by_stack')",
    "shell": "yield run(shell('touch standing; sleep 600'))",
    "async_wait": "yield run(['touch', 'standing']); yield async_wait('polite')",
    "async_cleanup": "yield run(['touch', 'standing'])",
}


def _start(
    make: MakeStackDir, way: str, mark: str, more: str = ""
) -> tuple[StackDir, "subprocess.Popen[str]"]:
    """Start a run that stands on its main line, with futures of all kinds in the background."""
    main_line = f"""
def standing(stack):
    Path("standing").touch()
    time.sleep(600)

def by_stack(stack):
    stack.run(["sh", "-c", "touch standing; setsid sleep 600 & sleep 600"])

@hookimpl
def stack_install(stack):
    yield run(["sh", "-c", "until [ -e bash ]; do sleep 0.01; done"])
    {WAYS[way]}
"""
    stack = make(
        {"extras.d/50-demo.py": HARD + more + main_line, "extras.d/60-script.sh": BASH},
        name=way,
        TEST_MARK=mark,
    )
    process = stack.start("stack")
    for name in (*READY, "standing"):
        wait_until(
            lambda name=name: (stack.path / name).exists() or process.poll() is not None, name
        )
    return stack, process


def _end(stack: StackDir, process: "subprocess.Popen[str]") -> Outcome:
    out, _ = process.communicate()
    return Outcome(process.returncode, out, stack)


@pytest.fixture
def mark() -> str:
    """A variable in the environment of everything that a run starts."""
    return uuid.uuid4().hex


def _interrupted(make: MakeStackDir, way: str, number: signal.Signals) -> tuple[Outcome, list[int]]:
    """Return how a run ends by a signal, and the processes that it has left."""
    mark = uuid.uuid4().hex
    stack, process = _start(make, way, mark)
    os.killpg(process.pid, number)
    outcome = _end(stack, process)
    return outcome, marked(mark)


@pytest.fixture(scope="module", params=[signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])
def interrupted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[signal.Signals, Interrupted]]:
    """Return a signal and how it ends the run of each way: side by side, as each takes a grace."""
    number = request.param
    with (
        stack_dirs(tmp_path_factory.mktemp(number.name)) as make,
        ThreadPoolExecutor(len(WAYS)) as pool,
    ):
        yield number, {way: pool.submit(_interrupted, make, way, number) for way in WAYS}


@pytest.mark.parametrize("way", WAYS)
def test_interrupted_run_stops_all_trees_and_still_reports(
    interrupted: tuple[signal.Signals, Interrupted], way: str
) -> None:
    number, ends = interrupted
    outcome, left = ends[way].result()
    code = 128 + number

    assert outcome.code == code, outcome.out
    assert left == []
    assert "Traceback" not in outcome.out
    assert f"Interrupted by {number.name}: stopping" in outcome.lines
    for name in READY:
        assert f"Stopped async future {name}" in outcome.lines
        assert f"WARNING: uncollected async future {name}" in outcome.lines
    assert "cleaning up" in outcome.lines
    assert "Total runtime" in outcome.out
    stopped = {e["name"] for e in outcome.journal if e["event"] == "future_stopped"}
    assert stopped == set(READY)
    codes = {e["name"]: e["rc"] for e in outcome.journal if e["event"] == "collected"}
    assert codes == {"stubborn": 137, "polite": 143, "program": 143, "bash": 137}
    assert outcome.journal[-1]["event"] == "run_end"
    assert outcome.journal[-1]["code"] == code
    assert list((outcome.directory.dest / "async").glob("*.ini")) == []


FORKING = {
    # A shell that forks without end is always in the midst of something.
    "extras.d/60-script.sh": """\
        work() { setsid sleep 600 & sleep 600; }
        if [[ "$1 $2" == "stack install" ]]; then
            touch standing
            for ((i = 0; i < 40; i++)); do
                async_run "work$i" work
                async_run "quick$i" true
                async_wait "quick$i"
            done
        fi
    """,
    "extras.d/50-demo.py": plugin("""
        def working(stack):
            subprocess.Popen(["sleep", "600"], start_new_session=True)
            time.sleep(600)

        @hookimpl
        def stack_extra(stack):
            yield run(shell("touch extra"))
            for number in range(10):
                yield async_run(f"python{number}", working)
                yield async_run(f"bash{number}", shell("work"))
                yield run(["true"])
    """),
}


@pytest.mark.parametrize("part", ["standing", "extra"])
def test_nothing_outlives_an_interrupt_at_any_moment(
    stack_dir: MakeStackDir, mark: str, part: str
) -> None:
    stack = stack_dir(FORKING, TEST_MARK=mark)
    moments = random.Random(part)
    for _ in range(5):
        (stack.path / part).unlink(missing_ok=True)
        process = stack.start("stack")
        wait_until((stack.path / part).exists, part)
        moment = moments.uniform(0, 0.8)
        time.sleep(moment)

        os.killpg(process.pid, signal.SIGTERM)
        outcome = _end(stack, process)

        said = f"after {moment:.3f} s:\n{outcome.out}"
        assert outcome.code == 143, said
        assert marked(mark) == [], said
        assert "Traceback" not in said
        assert outcome.out.count("Total runtime") == 1, said
        assert outcome.journal[-1]["event"] == "run_end"


@pytest.mark.parametrize("command", ["stack", "plan", "clean"])
def test_interrupt_before_anything_runs_is_no_traceback(
    stack_dir: MakeStackDir, command: str
) -> None:
    stack = stack_dir(
        {
            "extras.d/50-demo.py": plugin("""
                Path("standing").touch()
                time.sleep(60)
            """)
        }
    )
    stack.dest.mkdir()
    (stack.dest / ".doitstack").write_text("made by doitstack\n")
    process = stack.start(command)
    wait_until((stack.path / "standing").exists, "the import of the plugin")

    os.killpg(process.pid, signal.SIGINT)
    outcome = _end(stack, process)

    assert (outcome.code, outcome.out) == (130, "")


def test_second_interrupt_does_not_wait_for_anybodys_grace(
    stack_dir: MakeStackDir, mark: str
) -> None:
    stack, process = _start(stack_dir, "python", mark, PATIENT)
    log = stack.dest / "logs" / "stack.log"

    os.killpg(process.pid, signal.SIGINT)
    wait_until(lambda: "Interrupted by SIGINT" in log.read_text(), "the first interrupt")
    os.killpg(process.pid, signal.SIGINT)
    outcome = _end(stack, process)

    assert outcome.code == 130, outcome.out
    assert "Traceback" not in outcome.out
    wait_until(lambda: marked(mark) == [], "the end of all processes")


def test_failing_step_stops_all_trees_and_still_reports(stack_dir: MakeStackDir, mark: str) -> None:
    failing = """
def failing(stack):
    raise RuntimeError("of no use")

@hookimpl
def stack_install(stack):
    yield run(["sh", "-c", "until [ -e bash ]; do sleep 0.01; done"])
    yield run(["sh", "-c", "until [ -e stubborn -a -e polite -a -e program ]; do sleep .01; done"])
    yield run(failing)
    yield async_wait("stubborn", "polite", "program", "bash")
"""
    stack = stack_dir(
        {"extras.d/50-demo.py": HARD + failing, "extras.d/60-script.sh": BASH}, TEST_MARK=mark
    )

    outcome = stack.run("stack").failed(1)

    assert marked(mark) == []
    error = "ERROR: stack install: plugin demo: step failing: RuntimeError: of no use"
    assert error in outcome.lines
    for name in READY:
        assert f"Stopped async future {name}" in outcome.lines
    assert "Total runtime" in outcome.out
    assert outcome.journal[-1]["code"] == 1


def test_step_after_a_failure_is_not_run_and_the_next_run_goes_on(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            "extras.d/50-demo.py": plugin("""
                def note(stack, name):
                    with open("order", "a") as order:
                        print(name, file=order)

                def needs_file(stack):
                    note(stack, "second")
                    assert Path("mended").exists(), "not mended"

                from doit.tools import run_once

                @hookimpl
                def stack_install(stack):
                    yield run(note, "first", name="first", uptodate=[run_once])
                    yield run(needs_file)
                    yield run(note, "third", name="third")
            """)
        }
    )

    outcome = stack.run("stack").failed(1)
    (stack.path / "mended").touch()
    again = stack.run("stack").ok()

    assert "step needs_file: AssertionError: not mended" in outcome.out
    assert (stack.path / "order").read_text().split() == ["first", "second", "second", "third"]
    assert "--> stack install: demo: first (up to date)" in again.lines


def test_interrupt_of_a_quiet_terminal_reader_is_no_error(stack_dir: MakeStackDir) -> None:
    """`doit stack | head -1`: the reader ends, the run continues to its end."""
    stack = stack_dir(
        {
            "extras.d/50-demo.py": plugin("""
                def noisy(stack):
                    for number in range(20_000):
                        print("line", number)
                    Path("end").touch()

                @hookimpl
                def stack_install(stack):
                    yield run(noisy)
            """)
        }
    )
    process = stack.start("stack")
    assert process.stdout
    process.stdout.readline()
    process.stdout.close()

    assert process.wait() == 0
    assert (stack.path / "end").exists()
    assert "line 19999\n" in (stack.dest / "logs" / "stack.log").read_text()


BUSY = plugin("""
    @hookimpl
    def stack_install(stack):
        yield run(["sh", "-c", "touch standing; read line <gate"])
""")


@pytest.mark.parametrize("command", ["stack", "unstack", "clean"])
def test_second_run_in_a_stack_directory_is_refused(stack_dir: MakeStackDir, command: str) -> None:
    stack = stack_dir({"extras.d/50-demo.py": BUSY})
    os.mkfifo(stack.path / "gate")
    first = stack.start("stack")
    wait_until((stack.path / "standing").exists, "the first run")

    second = stack.run(command).failed(3)
    shown = stack.run("futures").ok()
    (stack.path / "gate").write_text("go\n")
    outcome = _end(stack, first).ok()

    assert second.lines == [
        f"ERROR: another run uses {stack.dest} (pid {first.pid}); "
        f"wait for it, or stop it with Ctrl-C"
    ]
    assert shown.lines == ["no futures"]
    assert "Total runtime" in outcome.out


def test_killed_holder_does_not_block_the_next_run(stack_dir: MakeStackDir, mark: str) -> None:
    stack = stack_dir({"extras.d/50-demo.py": BUSY}, TEST_MARK=mark)
    os.mkfifo(stack.path / "gate")
    first = stack.start("stack")
    wait_until((stack.path / "standing").exists, "the first run")
    first.kill()
    first.communicate()
    wait_until(lambda: marked(mark) == [], "the end of its program")
    (stack.path / "gate").unlink()
    (stack.path / "gate").write_text("go\n")

    outcome = stack.run("stack").ok()

    assert "Total runtime" in outcome.out


def test_hangup_ends_a_run_as_ctrl_c_does(stack_dir: MakeStackDir, mark: str) -> None:
    stack = stack_dir({"extras.d/50-demo.py": BUSY}, TEST_MARK=mark)
    os.mkfifo(stack.path / "gate")
    process = stack.start("stack")
    wait_until((stack.path / "standing").exists, "the run")

    process.send_signal(signal.SIGHUP)
    outcome = _end(stack, process)

    assert outcome.code == 129
    assert marked(mark) == []
    assert is_dead(process.pid)
    assert Path(stack.dest / "logs" / "stack.log").read_text().count("Interrupted by SIGHUP") == 1


@pytest.mark.parametrize("command", ["stack", "plan"])
def test_closed_streams_are_no_trouble(stack_dir: MakeStackDir, command: str) -> None:
    """`doit stack >&- 2>&-`: a log does not get the number of a stream."""
    stack = stack_dir({"extras.d/50-demo.py": plugin("""
        @hookimpl
        def stack_install(stack):
            yield run(["sh", "-c", "echo a program; echo its error >&2"])
            yield run(lambda stack: print("python"), name="python")
    """)})  # fmt: skip
    argv = ["bash", "-c", '"$@" <&- >&- 2>&-', "bash", DOIT, command]
    done = subprocess.run(argv, cwd=stack.path, env=stack.environ, check=False)
    assert done.returncode == 0
    if command == "stack":
        log = (stack.dest / "logs" / "stack.log").read_text().splitlines()
        assert {"a program", "its error", "python"} <= set(log)


def test_reader_that_has_gone_is_no_trouble(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({"doit.cfg": ""})  # an empty one was a traceback, too
    done = subprocess.run(
        # The reader ends before `doit` writes.
        ["bash", "-c", '"$@" | exec true; exit "${PIPESTATUS[0]}"', "bash", DOIT, "list"],
        cwd=stack.path,
        env=stack.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


@pytest.mark.parametrize("command", ["plan", "log stack"])
def test_full_disk_below_the_output_is_one_line(stack_dir: MakeStackDir, command: str) -> None:
    stack = stack_dir()
    stack.run("stack").ok()
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [DOIT, *command.split()],
            cwd=stack.path,
            env=stack.environ,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    name, *_ = command.split()
    assert done.returncode == 3
    assert done.stderr == f"ERROR: {name} cannot continue: [Errno 28] No space left on device\n"


def test_signal_while_the_run_concludes_changes_nothing(stack_dir: MakeStackDir) -> None:
    script = """\
        [[ $1 != stack ]] || trap 'kill -TERM $PPID' EXIT
    """
    stack = stack_dir({"extras.d/60-script.sh": script})
    outcome = stack.run("stack").ok()
    assert outcome.lines[-1].startswith("doit stack: done in ")
    assert outcome.journal[-1]["event"] == "run_end"


def test_signal_ends_the_teardown_of_a_task(stack_dir: MakeStackDir) -> None:
    dodo = """\
        import os, signal, time
        from doitstack.dodo import *


        def stay():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(600)


        def task_own():
            return {"actions": [["true"]], "teardown": [stay]}
    """
    outcome = stack_dir({"dodo.py": dodo}).run("own").failed(143)
    assert "Traceback" not in outcome.out
