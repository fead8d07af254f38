"""Programs of the main line: their output, their mark, and their end if the run is interrupted."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from doitstack.engine.main_line_program import MainLinePrograms
from doitstack.errors import CommandError
from doitstack.processes.event_loop import EventLoop
from doitstack.processes.program import Program
from doitstack.processes.signals import Interrupted
from tests.served_tool import is_gone


class Watchdog:
    """Records the programs that run."""

    def __init__(self) -> None:
        self.pids: list[int] = []

    @contextmanager
    def step(self) -> Iterator[str]:
        yield "run:step"

    def next_program(self) -> str:
        return f"run:{len(self.pids)}"

    def program(self, pid: int) -> None:
        self.pids.append(pid)


class Place:
    """Programs whose output goes to the file `log`."""

    def __init__(self, path: Path) -> None:
        self.log = path / "log"
        self.loop, self.watchdog = EventLoop(), Watchdog()
        self.output = os.open(self.log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        watchdog: Any = self.watchdog
        self.programs = MainLinePrograms(self.loop, watchdog, self.output)

    def run(self, script: str, **more: Any) -> None:
        self.programs.run(Program(["bash", "-c", script], **more))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.loop.close()
    os.close(made.output)


def test_output_goes_to_the_log_and_the_watchdog_records_the_program(place: Place) -> None:
    place.run('echo "$A $DOITSTACK_FUTURE $$"; echo err >&2', env={"A": "1"})
    pid, none = place.watchdog.pids
    assert place.log.read_text() == f"1 run:0 {pid}\nerr\n"
    assert none == 0


def test_action_and_its_programs_have_marks_while_it_runs(place: Place) -> None:
    with place.programs.marked():
        mark = subprocess.check_output(["sh", "-c", 'echo "$DOITSTACK_FUTURE"'], text=True)
        place.run('echo "$DOITSTACK_FUTURE"')
    assert (mark, place.log.read_text()) == ("run:step\n", "run:0\n")
    assert "DOITSTACK_FUTURE" not in os.environ


def test_failure_has_the_exit_code_and_the_watchdog_forgets_it(place: Place) -> None:
    with pytest.raises(CommandError) as raised:
        place.run("exit 3")
    assert raised.value.code == 3
    assert place.watchdog.pids[-1] == 0


def test_program_that_does_not_exist_is_not_watched(place: Place) -> None:
    with pytest.raises(CommandError, match="nosuch cannot be run") as raised:
        place.programs.run(Program(["nosuch"]))
    assert raised.value.code == 127
    assert place.watchdog.pids == []


def test_loop_turns_while_a_program_runs(place: Place) -> None:
    fifo = place.log.with_name("fifo")
    os.mkfifo(fifo)
    wake, write = os.pipe()
    os.write(write, b"x")

    def release() -> None:
        place.loop.forget(wake)
        fifo.write_text("go\n")

    place.loop.watch(wake, release)
    place.run(f"read -r word <{fifo}; echo $word")
    os.close(wake)
    os.close(write)
    assert place.log.read_text() == "go\n"


def test_interrupt_ends_the_programs_whole_tree(place: Place) -> None:
    fifo = place.log.with_name("fifo")
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)

    def interrupt() -> None:
        place.loop.forget(reader)
        place.loop.interrupt(Interrupted(signal.SIGINT))

    place.loop.watch(reader, interrupt)
    with pytest.raises(Interrupted):
        place.run(f"(setsid sleep 1000 & echo $! >{fifo}; wait) & wait")
    child = int(os.read(reader, 20))
    os.close(reader)
    assert is_gone(child)
    assert place.watchdog.pids[-1] == 0
