"""`doit log` and `doit futures -f`, during a run in another terminal and after it."""

import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import DOIT, MakeStackDir, StackDir
from tests.integration.probes import plugin, wait_until

pytestmark = pytest.mark.usefixtures("served_runs")

GATED = plugin(r"""
    def talk(stack):
        os.write(1, b"\xff\x00 not UTF-8\r\n")
        passing("gate")
        os.write(1, b"last words")

    def hear(stack):
        print("the main line")

    @hookimpl
    def stack_install(stack):
        yield async_run("talk", talk)
        yield async_run("second", hear)
        yield run(hear)
        yield async_wait("talk", "second")
        yield run(passing_second)

    def passing_second(stack):
        passing("second-gate")
        print("the end of it")
""")

SCRIPT = """\
if [[ "$1 $2" == "stack install" ]]; then
    set -o xtrace
    true a command of the script
fi
"""


@pytest.fixture
def stack(stack_dir: MakeStackDir) -> StackDir:
    directory = stack_dir({"extras.d/50-demo.py": GATED, "extras.d/60-script.sh": SCRIPT})
    for gate in ("gate", "second-gate"):
        os.mkfifo(directory.path / gate)
    return directory


@pytest.fixture
def running(stack: StackDir) -> Iterator[StackDir]:
    """Give the stack directory while its future `talk` stands at the FIFO `gate`.

    The future `second` is queued behind it, as there is one slot.
    """
    run = stack.start("-n", "1", "stack")
    log = stack.dest / "async" / "talk.log"
    wait_until(lambda: log.exists() and log.stat().st_size > 0, "the future's first words")
    yield stack
    if run.poll() is None:
        run.terminate()
    run.communicate()


def doit(stack: StackDir, *arguments: str) -> "subprocess.Popen[bytes]":
    """Start a command of doit, with its output as bytes."""
    return subprocess.Popen(
        [DOIT, *arguments],
        cwd=stack.path,
        env=stack.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def first(process: "subprocess.Popen[bytes]", text: bytes) -> bytes:
    """Read up to `text`."""
    assert process.stdout
    said = b""
    while not said.endswith(text):
        byte = process.stdout.read(1)
        assert byte, said
        said += byte
    return said


def open_gate(stack: StackDir, name: str) -> None:
    (stack.path / name).write_text("go\n")


def test_future_is_followed_to_its_end_byte_for_byte(running: StackDir) -> None:
    follower = doit(running, "log", "talk", "-f")
    assert first(follower, b"\r\n") == b"\xff\x00 not UTF-8\r\n"

    open_gate(running, "gate")
    rest, errors = follower.communicate()

    assert (rest, errors, follower.returncode) == (b"last words", b"", 0)
    # The run stands at the second gate: the future's end was enough.
    wait_until(lambda: running.run("futures").ok().out.count("collected") == 2, "the second wait")
    open_gate(running, "second-gate")


def test_future_that_is_queued_is_waited_for(running: StackDir) -> None:
    wait_until(lambda: "queued" in running.run("futures").ok().out, "the second future")
    assert running.run("log", "second").failed(3).out == (
        "ERROR: future second has no log: it has not started, or it ran in the main line, "
        "whose log is `doit log stack`\n"
    )
    follower = doit(running, "log", "second", "-f")
    shown = doit(running, "futures", "-f")
    # It has looked, and found the future waiting.
    first(shown, b"queued")
    open_gate(running, "gate")

    assert follower.communicate()[0] == b"the main line\n"
    open_gate(running, "second-gate")
    assert b"collected" in shown.communicate()[0]


def test_main_line_is_followed_until_the_run_ends(running: StackDir) -> None:
    follower = doit(running, "log", "stack", "-f")
    first(follower, b"==> stack install: demo: hear\n")
    open_gate(running, "gate")
    first(follower, b"finished hear with result 0")
    open_gate(running, "second-gate")

    rest, _ = follower.communicate()

    assert b"the end of it" in rest
    assert rest.endswith((running.dest / "logs" / "stack.log").read_bytes()[-200:])
    assert follower.returncode == 0


def test_ctrl_c_ends_without_a_word(running: StackDir) -> None:
    for command in (["log", "-f", "talk"], ["futures", "-f"]):
        follower = doit(running, *command)
        first(follower, b"\n")
        follower.send_signal(signal.SIGINT)
        _, errors = follower.communicate()
        assert (errors, follower.returncode) == (b"", 130)


def test_futures_are_shown_again_when_a_state_changes(running: StackDir) -> None:
    follower = doit(running, "futures", "-f")
    first(follower, b"talk.log\n")
    open_gate(running, "gate")
    shown = first(follower, b"second.log\n")
    open_gate(running, "second-gate")
    rest, _ = follower.communicate()

    assert follower.returncode == 0
    assert b"talk" in shown
    last = rest.decode().rpartition("future  ")[2] or shown.decode().rpartition("future  ")[2]
    assert last.count("collected") == 2


def test_futures_are_drawn_in_place_on_a_terminal(running: StackDir) -> None:
    ours, theirs = pty.openpty()
    follower = subprocess.Popen(
        [DOIT, "futures", "-f"],
        cwd=running.path,
        env=running.environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    terminal = Terminal(ours)
    terminal.until("queued")
    open_gate(running, "gate")
    terminal.until("collected")
    open_gate(running, "second-gate")
    terminal.until_closed()

    assert follower.wait() == 0
    # Drawn over: up to where the table began, and the rest of the screen cleared.
    assert "\x1b[4F\x1b[J" in terminal.text
    assert terminal.text.rpartition("\x1b[J")[2].count("collected") == 2


class Terminal:
    """What comes out at our end of a pty."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.text = ""

    def until(self, text: str) -> None:
        while text not in self.text:
            assert self._more(), self.text

    def until_closed(self) -> None:
        while self._more():
            pass
        os.close(self._descriptor)

    def _more(self) -> bool:
        try:
            data = os.read(self._descriptor, 65536)
        except OSError:
            # EIO: the other end is closed.
            return False
        self.text += data.decode()
        return bool(data)


@pytest.fixture
def done(stack_dir: MakeStackDir) -> StackDir:
    """Give a stack directory whose run has ended."""
    stack = stack_dir(
        {
            "extras.d/50-demo.py": plugin(r"""
                def talk(stack):
                    os.write(1, b"\xff one\ntwo\nthree\n")

                def flood(stack):
                    os.write(1, b"x" * 79 + b"\n")
                    for _ in range(200):
                        os.write(1, (b"x" * 79 + b"\n") * 100)

                @hookimpl
                def stack_install(stack):
                    yield async_run("talk", talk)
                    yield async_run("flood", flood)
                    yield async_wait("talk", "flood")
            """),
            "extras.d/60-script.sh": SCRIPT,
        }
    )
    stack.run("stack").ok()
    (stack.dest / "logs" / "db.log").write_text("a service\n")
    return stack


def read(stack: StackDir, *arguments: str) -> bytes:
    process = doit(stack, *arguments)
    out, errors = process.communicate()
    assert (process.returncode, errors) == (0, b"")
    return out


def test_logs_of_all_kinds_after_the_run(done: StackDir) -> None:
    logs = done.dest / "logs"

    assert read(done, "log", "talk") == b"\xff one\ntwo\nthree\n"
    assert read(done, "log", "talk", "-f") == b"\xff one\ntwo\nthree\n"
    assert read(done, "log", "--lines=2", "talk") == b"two\nthree\n"
    assert read(done, "log", "db") == b"a service\n"
    assert read(done, "log", "stack", "-f") == (logs / "stack.log").read_bytes()
    assert b"true a command of the script" in read(done, "log", "install:script:60-script.sh")

    listed = [line.split() for line in read(done, "log").decode().splitlines()[2:]]
    assert [[words[0], words[-1]] for words in listed[:4]] == [
        ["stack", ".stack/logs/stack.log"],
        ["talk", ".stack/async/talk.log"],
        ["flood", ".stack/async/flood.log"],
        ["db", ".stack/logs/db.log"],
    ]


def test_service_is_followed_until_ctrl_c(done: StackDir) -> None:
    follower = doit(done, "log", "db", "-f")
    first(follower, b"a service\n")
    log: Path = done.dest / "logs" / "db.log"
    log.unlink()
    log.write_text("started anew\n")
    first(follower, b"started anew\n")
    follower.send_signal(signal.SIGINT)
    assert follower.communicate() == (b"", b"")
    assert follower.returncode == 130


def test_reader_that_goes_away_ends_it_without_a_word(done: StackDir) -> None:
    for command in (["log", "flood"], ["log", "flood", "-f"]):
        process = doit(done, *command)
        first(process, b"\n")
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        assert process.stderr.read() == b""
        process.stderr.close()
        assert process.wait() == -signal.SIGPIPE


MISTAKES = {
    "nobody": "ERROR: there is no log called nobody; there are: stack, talk, flood, db, ",
    "tall": "ERROR: there is no log called tall; did you mean talk? `doit log` lists all\n",
    "60-script.sh": "ERROR: 60-script.sh is the end of several names: ",
    "talk flood": "ERROR: log takes one NAME: talk flood\n",
    "talk --no-such": "ERROR: log: option --no-such not recognized; `doit help log` lists ",
    "talk --lines=-1": "ERROR: log: --lines takes a whole number, 0 or more\n",
}


def test_mistakes_are_one_line(done: StackDir) -> None:
    for arguments, message in MISTAKES.items():
        said = done.run("log", *arguments.split()).failed(3).out
        assert said.startswith(message), arguments
        assert said.count("\n") == 1, said
