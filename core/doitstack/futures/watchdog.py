"""The watchdog processes: if the main process is killed, they kill all processes of the run.

They read the job files of the futures and shared memory, so they need no message from a process
that may die at any moment. There are two, as one of them may be killed together with the main
process; if only a watchdog is killed, the main process starts another one.
"""

import mmap
import os
import select
import signal
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from doitstack.journal.job_file import Job, read_job
from doitstack.processes.prctl import set_name
from doitstack.processes.tree import Root, is_running, look_up, open_pidfd, start_time, stop


def mark(run: str, name: str) -> str:
    """Return the mark of the future `name`, which its programs have in their environment."""
    return f"{run}:{name}"


LOOKS = 4
"""How often to search for processes, 50 ms apart: a process has its mark only after its exec."""

_COUNT = 2
"""The number of watchdog processes. What they do is harmless if both do it."""

_NAME = b"doit-watchdog"
"""Their name, so that `killall -9 doit` does not kill them with the main process."""

_RECORD = struct.Struct("qqqq")
"""A foreground process: its pid, its start time, and the first and last number of its marks."""


def unfinished(directory: Path, run: str = "") -> Iterator[Root]:
    """Yield the root process of each future in `directory` that has recorded no end.

    With the name of their `run`, they are found by group and mark even after that process died.
    """
    for path in directory.glob("*.ini"):
        job = read_job(path)
        if job is None or job.rc is not None:
            continue
        if run:
            yield root_of(job, mark(run, path.stem))
        elif is_running(job.pid, job.started):
            yield Root(job.pid)


def root_of(job: Job, its_mark: str) -> Root:
    """Return the root of the process tree of a future, even if its first process has died."""
    return _root(job.pid, job.started, its_mark)


def _root(pid: int, started: int, its_mark: str) -> Root:
    """Return the root of a process tree, with pid 0 if another process now has that pid."""
    process = look_up(pid)
    is_another = process is not None and process.started != started
    return Root(0 if is_another else pid, its_mark)


class Watchdog:
    """Watches the process that makes it; if that dies, kills all unfinished work.

    That is the unfinished futures in `directory`, and the step, the program and the bash session
    that are recorded here.
    """

    def __init__(
        self, directory: Path, run: str, then: Callable[[], object] = lambda: None
    ) -> None:
        """Watch this process, and call `then` in each watchdog once all has been ended."""
        self._directory = directory
        self._run = run
        self._then = then
        self._records = mmap.mmap(-1, 2 * _RECORD.size)
        self._programs = 0
        self._step = 0
        self._parent = os.getpid()
        self._pids = [self._start() for _ in range(_COUNT)]
        self._previous = signal.signal(signal.SIGCHLD, self._child_ended)
        self._child_ended(signal.SIGCHLD, None)

    def _start(self) -> int:
        pid = os.fork()
        if pid == 0:
            with suppress(BaseException):
                self._watch(self._parent)
            os._exit(0)
        return pid

    def _child_ended(self, _number: int, _frame: FrameType | None) -> None:
        """Start another watchdog for each that has ended; if that fails, end the run."""
        if os.getpid() != self._parent:
            return
        # One may be killed before its pid is recorded, so all are looked at again after a start.
        while sum(map(self._replace, range(_COUNT))):
            pass

    def _replace(self, place: int) -> bool:
        """Start another watchdog if the one at `place` has ended; return whether that is done."""
        try:
            if os.waitpid(self._pids[place], os.WNOHANG) == (0, 0):
                return False
            self._pids[place] = self._start()
        except ChildProcessError:
            return False
        except OSError:
            os.kill(self._parent, signal.SIGTERM)
            return False
        return True

    @contextmanager
    def step(self) -> Iterator[str]:
        """Watch what a step of the main line starts in the block, daemons of programs included.

        Yields the mark of its processes; its programs have marks of their own. If the step fails or
        is interrupted, all are stopped: it will run again.
        """
        its_mark = self.next_program()
        self._step = self._programs
        try:
            yield its_mark
        except BaseException:
            stop(self._of_main_line())
            raise
        finally:
            self._step = 0
            self.program(0)

    def next_program(self) -> str:
        """Return the mark of the program that the main line starts next."""
        self._programs += 1
        self._record_program(0, self._step or self._programs)
        return self._program_mark(self._programs)

    def program(self, pid: int) -> None:
        """Record the process group of that program, or 0 once it has ended."""
        self._record_program(pid, self._step or (self._programs if pid else 0))

    def _record_program(self, pid: int, first: int) -> None:
        last = self._programs if first else 0
        _RECORD.pack_into(self._records, 0, pid, start_time(pid), first, last)

    def session(self, pid: int, command: int = 0) -> None:
        """Record the pid of the bash session and the number of its current command; 0: none."""
        _RECORD.pack_into(self._records, _RECORD.size, pid, start_time(pid), command, command)

    def command_mark(self, number: int) -> str:
        """Return the mark of programs of the session's command `number`; see session.sh."""
        return mark(self._run, f"(command {number})")

    def _program_mark(self, number: int) -> str:
        return mark(self._run, f"(program {number})")

    def dismiss(self) -> None:
        """End the watchdogs."""
        signal.signal(signal.SIGCHLD, self._previous)
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in self._pids:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)

    def _watch(self, parent: int) -> None:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        watched = open_pidfd(parent)
        if watched is None:
            return
        _close_all_but(watched)
        set_name(_NAME)
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        poll.poll()
        self._end_all()
        self._then()

    def _end_all(self) -> None:
        for _ in range(LOOKS):
            futures = unfinished(self._directory, self._run)
            stop([*self._of_main_line(), *self._of_session(), *futures], grace=0)
            time.sleep(0.05)

    def _of_main_line(self) -> Iterator[Root]:
        return self._recorded(0, self._program_mark)

    def _of_session(self) -> Iterator[Root]:
        return self._recorded(_RECORD.size, self.command_mark)

    def _recorded(self, offset: int, its_mark: Callable[[int], str]) -> Iterator[Root]:
        pid, started, first, last = _RECORD.unpack_from(self._records, offset)
        if pid:
            yield _root(pid, started, "")
        yield from (Root(0, its_mark(number)) for number in range(first, last + 1) if number)


def _close_all_but(descriptor: int) -> None:
    """Close inherited descriptors, so that no reader of our output waits for this process."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, os.sysconf("SC_OPEN_MAX"))
