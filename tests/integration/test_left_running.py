"""What steps and futures leave running is shown, and ended by `doit unstack`."""

import json
import os
import signal
import subprocess
import uuid

import pytest

from tests.conftest import DOIT, MakeStackDir, Outcome, StackDir
from tests.integration.probes import is_dead, marked, plugin, wait_until

LEAVING = plugin("""
    DAEMON = "setsid sleep 600 & echo $! > $0"

    def popen(stack):
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        Path("popen").write_text(f"{child.pid}\\n")

    def forks(stack, name):
        if os.fork() == 0:
            os.setsid()
            parent = os.getpid()
            if os.fork() == 0:
                until(lambda: os.getppid() != parent)
                os.closerange(3, 4096)  # the console
                Path(name).write_text(f"{os.getpid()}\\n")
                time.sleep(600)
            os._exit(0)

    @hookimpl
    def stack_install(stack):
        yield async_run("f", ["sh", "-c", DAEMON, "future"])
        yield async_run("g", shell("setsid sleep 600 & echo $! > bash_future"))
        yield async_run("h", forks, "forked_future")
        yield async_wait("f", "g", "h")
        yield run(["sh", "-c", "trap '' TERM; " + DAEMON, "program"])
        yield run(popen)
        yield run(forks, "forked")
        yield run(shell("setsid env -u DOITSTACK_FUTURE sleep 600 & echo $! > bash"))
        yield run(serve)
        yield run(settled)

    NAMES = ("future", "bash_future", "forked_future", "program", "popen", "forked", "bash")

    def settled(stack):
        until(lambda: all(map(stands, map(Path, NAMES))))

    def stands(file):
        \"\"\"Return whether a daemon runs, and runs its program.\"\"\"
        if not file.exists() or not (pid := file.read_text().strip()):
            return False
        return "forked" in file.name or Path(f"/proc/{pid}/comm").read_text() == "sleep\\n"

    def serve(stack):
        stack.run_process("sleeper", ["sleep", "600"])
""")
NAMES = ("future", "bash_future", "forked_future", "program", "popen", "forked", "bash")


@pytest.fixture
def mark() -> str:
    """A word in the environment of all that a run starts."""
    return uuid.uuid4().hex


def pids_of(stack: StackDir) -> dict[str, int]:
    """Return the daemons that the plugin has left running."""
    return {name: int((stack.path / name).read_text()) for name in NAMES}


def line_of(outcome: Outcome, begin: str) -> str:
    """Return the line that begins so."""
    found = [line for line in outcome.lines if line.startswith(begin)]
    assert len(found) == 1, outcome.out
    return found[0]


def test_daemons_are_shown_and_ended_by_unstack(stack_dir: MakeStackDir, mark: str) -> None:
    files = {"extras.d/50-leaving.py": LEAVING}
    other = stack_dir(files, name="other", TEST_MARK=mark)
    other.run("stack").ok()
    stack = stack_dir(files, TEST_MARK=mark)
    outcome = stack.run("stack").ok()
    pids, others = pids_of(stack), pids_of(other)

    line = line_of(outcome, "7 processes that steps have left running: ")
    assert line.endswith("; `doit unstack` ends them")
    for name, pid in pids.items():
        assert f" {pid}" in line, name
    assert f"sleep {pids['future']} (future f)" in line
    assert f"sleep {pids['bash_future']} (future g)" in line

    shown = stack.run("services").ok().out
    assert all(str(pid) in shown for pid in pids.values())
    rows = json.loads(stack.run("services", "--json").ok().out)
    left = {row["pid"]: row["service"] for row in rows if row["state"] == "left"}
    assert left.keys() == set(pids.values())
    assert [row["service"] for row in rows if row["state"] == "running"] == ["sleeper"]

    ended = line_of(stack.run("unstack").ok(), "ended 7 processes that steps have left running: ")
    assert str(pids["popen"]) in ended
    assert all(is_dead(pid) for pid in pids.values())
    dead = [name for name, pid in others.items() if is_dead(pid)]
    assert dead == [], "they belong to another stack"
    assert stack.run("services").ok().out == "no services\n"

    other.run("clean").ok()
    wait_until(lambda: marked(mark) == [], "the end of all")


def test_run_that_goes_on_has_left_nothing(stack_dir: MakeStackDir) -> None:
    text = plugin("""
        def waits(stack):
            Path("waiting").touch()
            time.sleep(600)

        @hookimpl
        def stack_install(stack):
            yield async_run("f", ["sleep", "600"])
            yield run(shell("sleep 600 & true"))
            yield run(waits)
    """)
    stack = stack_dir({"extras.d/50-waiting.py": text})
    run = stack.start("stack")
    wait_until((stack.path / "waiting").exists, "the last step")
    assert stack.run("services").ok().out == "no services\n"
    os.killpg(run.pid, signal.SIGINT)
    run.communicate()
    stack.run("unstack").ok()  # ends what the second step has left running


def test_shell_from_which_unstack_is_called_is_not_ended(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({"extras.d/50-leaving.py": plugin("")})
    environ = {**stack.environ, "DOITSTACK_STACK": str(stack.dest)}
    command = ["sh", "-c", f"{DOIT} unstack; echo alive"]
    shown = subprocess.check_output(command, cwd=stack.path, env=environ, text=True)
    assert "left running" not in shown
    assert shown.endswith("alive\n")


FAILING = """
    PROGRAM = ["sh", "-c", "setsid sleep 600 & sleep 0.2; exit 3"]

    def popen(stack):
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        raise ValueError("no")

    @hookimpl
    def stack_install(stack):
        yield STEP
"""


@pytest.mark.parametrize(
    "step",
    [
        "run(popen)",
        "run(PROGRAM)",
        "run(shell('setsid sleep 600 & sleep 0.2; false'))",
        "async_run('f', popen)",
        "async_run('f', PROGRAM)",
        "async_run('f', shell('setsid sleep 600 & sleep 0.2; false'))",
    ],
)
def test_what_fails_leaves_no_daemon(stack_dir: MakeStackDir, mark: str, step: str) -> None:
    text = plugin(FAILING.replace("STEP", step))
    stack = stack_dir({"extras.d/50-failing.py": text}, TEST_MARK=mark, ASYNC_STRICT="True")
    stack.run("stack").failed(1)
    assert marked(mark) == []
