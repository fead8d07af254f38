"""Single processes of a run are killed: what they have started ends with them."""

import os
import signal
import subprocess
import uuid
from pathlib import Path

import pytest

from tests.conftest import DOIT, MakeStackDir, StackDir
from tests.integration.probes import is_dead, marked, plugin, wait_until

PLUGIN = plugin("""
    def stands(stack):
        Path("pid").write_text(str(os.getpid()))
        ACTION
        time.sleep(600)

    @hookimpl
    def stack_install(stack):
        yield async_run("f", stands)
        yield async_wait("f")
""")

PROGRAM = """subprocess.Popen(["sh", "-c", "setsid sleep 301 & sleep 302 & echo $! >left; wait"])"""
FORKS = """if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                Path("left").write_text(str(os.getpid()))
                time.sleep(303)
            os._exit(0)"""

BASH = {
    "extras.d/50-demo.sh": """\
        program() {
            echo $BASHPID >pid
            sh -c "setsid sleep 301 & sleep 302 & echo \\$! >left; wait"
        }
        forks() {
            echo $BASHPID >pid
            (
                (
                    set -m
                    ( echo $BASHPID >left; mkfifo gate; read -r _ <gate ) &
                ) &
            )
            sleep 304
        }
        [[ "$1 $2" != 'stack install' ]] || { async_run f ACTION; async_wait f; }
        """
}

FUTURES = {
    "python program": {"extras.d/50-demo.py": PLUGIN.replace("ACTION", PROGRAM)},
    "python forks": {"extras.d/50-demo.py": PLUGIN.replace("ACTION", FORKS)},
    "bash program": {name: text.replace("ACTION", "program") for name, text in BASH.items()},
    "bash forks": {name: text.replace("ACTION", "forks") for name, text in BASH.items()},
}


@pytest.fixture
def mark() -> str:
    """A variable in the environment of everything that a run starts."""
    return uuid.uuid4().hex


def _number(path: Path) -> int:
    wait_until(lambda: path.exists() and path.read_text().strip() != "", path.name)
    return int(path.read_text())


def _started(stack: StackDir) -> "tuple[subprocess.Popen[str], int]":
    """Start a run; return it and the pid of what its step has started."""
    process = stack.start("stack")
    return process, _number(stack.path / "left")


def _watchdogs(main: int) -> list[int]:
    children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    return [pid for pid in map(int, children) if _leads_a_session(pid)]


def _leads_a_session(pid: int) -> bool:
    try:
        return os.getsid(pid) == pid
    except ProcessLookupError:  # it has ended meanwhile
        return False


def _both_watchdogs(main: int) -> list[int]:
    wait_until(lambda: len(_watchdogs(main)) == 2, "two watchdogs")
    return _watchdogs(main)


@pytest.mark.parametrize("files", FUTURES.values(), ids=FUTURES)
@pytest.mark.parametrize("victim", ["future", "main"])
def test_tree_of_a_future_ends_if_it_or_the_main_process_is_killed(
    stack_dir: MakeStackDir, mark: str, files: dict[str, str], victim: str
) -> None:
    stack = stack_dir(files, TEST_MARK=mark)
    process, left = _started(stack)

    os.kill(_number(stack.path / "pid") if victim == "future" else process.pid, signal.SIGKILL)

    out, _ = process.communicate()
    assert process.returncode == (1 if victim == "future" else -signal.SIGKILL), out
    wait_until(lambda: is_dead(left), "the end of what the future had started")
    wait_until(lambda: marked(mark) == [], "the end of all")


SCRIPT = """\
    if [[ "$1 $2" == 'stack install' ]]; then
        echo $$ >pid
        sh -c "setsid sh -c 'setsid sleep 301 & sleep 302' & sleep 303 & echo \\$! >left; wait"
    fi
"""


@pytest.mark.parametrize("victims", [["session"], ["main"], ["session", "main"]])
def test_program_of_a_script_ends_with_the_session(
    stack_dir: MakeStackDir, mark: str, victims: list[str]
) -> None:
    stack = stack_dir({"extras.d/50-demo.sh": SCRIPT}, TEST_MARK=mark)
    process, _ = _started(stack)
    session = _number(stack.path / "pid")
    for victim in victims:
        os.kill(session if victim == "session" else process.pid, signal.SIGKILL)
    out, _ = process.communicate()
    if "main" not in victims:
        assert process.returncode == 1
        assert "the bash session has ended with code -9" in out
    wait_until(lambda: marked(mark) == [], "the end of the script's program")


def test_mark_of_a_script_s_programs_is_no_setting(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            "extras.d/40-script.sh": "X=1\n",
            "extras.d/50-demo.py": plugin("""
                @hookimpl
                def stack_install(stack):
                    yield run(["sh", "-c", 'echo "mark: $DOITSTACK_FUTURE"'])
            """),
        }
    )
    (line,) = [line for line in stack.run("stack").ok().lines if line.startswith("mark: ")]
    assert ":(program " in line


def test_watchdog_that_is_killed_is_replaced(stack_dir: MakeStackDir, mark: str) -> None:
    stack = stack_dir(FUTURES["python program"], TEST_MARK=mark)
    process, left = _started(stack)
    for count in (1, 2, 2):
        before = set(_both_watchdogs(process.pid))
        for watchdog in [*before][:count]:
            os.kill(watchdog, signal.SIGKILL)
        wait_until(
            lambda old=before, count=count: len({*_watchdogs(process.pid)} - old) == count,
            "another",
        )
    assert not is_dead(left)

    process.kill()

    process.communicate()
    wait_until(lambda: marked(mark) == [], "the end of all")


def test_one_watchdog_suffices(stack_dir: MakeStackDir, mark: str) -> None:
    stack = stack_dir(FUTURES["python program"], TEST_MARK=mark)
    process, _ = _started(stack)
    first, _ = _both_watchdogs(process.pid)
    os.kill(process.pid, signal.SIGSTOP)  # so that it cannot start another watchdog
    os.kill(first, signal.SIGKILL)
    process.kill()
    process.communicate()
    wait_until(lambda: marked(mark) == [], "the end of all")


def test_watchdogs_have_another_name_than_the_run(stack_dir: MakeStackDir, mark: str) -> None:
    """So `killall -9 doit` does not kill them."""
    stack = stack_dir(FUTURES["python program"], TEST_MARK=mark)
    process, _ = _started(stack)
    for pid in _both_watchdogs(process.pid):
        name = Path(f"/proc/{pid}/comm")
        wait_until(lambda name=name: name.read_text() == "doit-watchdog\n", "the name")
    process.kill()
    process.communicate()


def test_next_command_ends_what_outlived_the_watchdogs(stack_dir: MakeStackDir, mark: str) -> None:
    stack = stack_dir(FUTURES["python program"], TEST_MARK=mark)
    process, left = _started(stack)
    watchdogs = _both_watchdogs(process.pid)
    os.kill(process.pid, signal.SIGSTOP)  # so that it cannot start others
    for watchdog in watchdogs:
        os.kill(watchdog, signal.SIGKILL)
    process.kill()
    process.communicate()
    assert not is_dead(left)

    stack.run("unstack").ok()

    wait_until(lambda: marked(mark) == [], "the end of all")


def test_run_that_ignores_hangup_and_interrupt_goes_on(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            "extras.d/50-demo.py": plugin("""
                def stands(stack, name):
                    Path(name).touch()
                    until(Path("go").exists)

                @hookimpl
                def stack_install(stack):
                    yield async_run("f", stands, "future")
                    yield run(stands, "step")
                    yield async_wait("f")
            """),
            "job.sh": 'trap "" INT HUP QUIT; exec "$@"\n',
        }
    )
    with subprocess.Popen(
        ["sh", "job.sh", DOIT, "stack"],
        cwd=stack.path,
        env=stack.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
    ) as process:
        for name in ("future", "step"):
            wait_until((stack.path / name).exists, name)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            os.killpg(process.pid, number)
        job = (stack.dest / "async" / "f.ini").read_text()
        future = int(job.partition("\npid = ")[2].split()[0])
        os.kill(future, signal.SIGINT)
        (stack.path / "go").touch()
        out, _ = process.communicate()
    assert process.returncode == 0, out
