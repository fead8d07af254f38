"""Futures: start, wait, collect, stop, purge; the files of `$DEST/async`. Knows no doit.

One namespace holds those that Python started, as forked children, and those that the bash session
started, which tells us of them.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doitstack.console.main_log import MainLog
from doitstack.errors import FutureError
from doitstack.futures.child_process import Assignment, child_streams, run_child
from doitstack.futures.future import Future, State, spoken
from doitstack.futures.result import outcome
from doitstack.futures.slots import Slots
from doitstack.futures.start_queue import Queue
from doitstack.futures.watchdog import mark, unfinished
from doitstack.journal.events import (
    Collected,
    FutureCancelled,
    FutureEnd,
    FutureQueued,
    FutureStart,
    FutureStopped,
    WaitEnd,
    WaitStart,
)
from doitstack.journal.job_file import read_job
from doitstack.journal.journal_file import Journal
from doitstack.processes.event_loop import Loop
from doitstack.processes.tree import Root, stop
from doitstack.steps import future_name, lock_name, one_line


@dataclass(frozen=True)
class Surroundings:
    """What the futures of one run share: where they live and whom they tell.

    `let_go` closes, in a forked child, what is the main process's alone. `parallel` False runs
    each in place.
    """

    directory: Path
    run: str
    log: MainLog
    journal: Journal
    loop: Loop
    slots: Slots
    redact: Callable[[str], str]
    let_go: Callable[[], None]
    parallel: bool = True


class Futures:
    """The futures of one run."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._known: dict[str, Future] = {}
        self._queue = Queue(around.slots, around.loop)
        self._parent = os.getpid()
        self._streams = child_streams()
        self._running = 0
        self._expected: dict[str, float] = {}
        self.failed = ""
        """The future that was collected last, if it has failed."""
        self.is_closed = False

    # -- start ---------------------------------------------------------------------------------

    def submit(
        self,
        name: str,
        command: str,
        action: Callable[[], Any],
        *,
        lock: str = "",
        remaining: float = 0.0,
    ) -> Future:
        """Start `action` in a forked child, or queue it until there is a slot and its lock is free.

        Of those in the queue, the one with the longest `remaining` path (s) is next. Raises
        FutureError if there is a future of that name which nobody has collected.
        """
        future = self.declare(name, command, lock=lock, remaining=remaining)
        self.enqueue(future, lambda: self._fork(future, action))
        if not self._around.parallel:
            self._around.loop.run_until(lambda: future.has_ended)
        return future

    def declare(self, name: str, command: str, *, lock: str = "", remaining: float = 0.0) -> Future:
        """Take `name` into the namespace. Raises FutureError if it is taken or no good name."""
        try:
            future_name(name)
            # One after another, none needs to be kept from another.
            lock = lock_name(lock) if self._around.parallel else ""
        except ValueError as error:
            raise FutureError(str(name), str(error)) from error
        if self.is_closed:
            raise FutureError(name, "cannot be started: the run is being stopped")
        if self.find(name):
            raise FutureError(name, "is already started and not collected; use another name")
        spoken = self._around.redact(one_line(command))
        future = self._known[name] = Future(self, name, spoken, lock, remaining)
        return future

    def enqueue(self, future: Future, start: Callable[[], None]) -> None:
        """Call `start` when it is the turn of `future`, which may be at once."""
        self._queue.add(future, start)
        self.start_queued()
        if not future.has_turn:
            self._around.journal.write(FutureQueued(future.name, future.command, future.lock))

    def start_queued(self) -> None:
        """Start those in the queue whose turn it is."""
        self._queue.start()

    def _fork(self, future: Future, action: Callable[[], Any]) -> None:
        around = self._around
        work = Assignment(
            name=future.name,
            command=future.command,
            directory=around.directory,
            main_log=around.log.path,
            parent=self._parent,
            mark=mark(around.run, future.name),
            now=self.now,
            let_go=around.let_go,
            streams=self._streams,
            in_place=not around.parallel,
        )
        try:
            pid = os.fork()
        except OSError as error:
            self.cannot_start(future, error)
            return
        if pid == 0:
            run_child(work, action)
        self.started(future, pid, self.now(), lambda: self._reap(future, pid))

    def started(
        self, future: Future, pid: int, start_time: int, on_end: Callable[[], None]
    ) -> None:
        """Record that `future` runs as `pid`; `on_end` is called when that process has ended.

        `pid` 0 is the bash session itself, which tells of the end.
        """
        self.begins(future, pid, start_time)
        if pid:
            self._around.loop.when_ended(pid, on_end)

    def begins(self, future: Future, pid: int, start_time: int) -> None:
        """Record that the work of `future` begins."""
        future.state = State.RUNNING
        self._running += 1
        future.pid = pid
        future.in_place = not self._around.parallel
        future.start_time = start_time
        self._around.journal.write(FutureStart(future.name, pid, future.command, future.lock))

    # -- end -----------------------------------------------------------------------------------

    def _reap(self, future: Future, pid: int) -> None:
        _, status, usage = os.wait4(pid, 0)
        future.cpu = usage.ru_utime + usage.ru_stime
        self.ended(future, os.waitstatus_to_exitcode(status))

    def ended(self, future: Future, code: int | None) -> None:
        """Record the end of `future`; `code` is its process's exit code where that is known."""
        job = read_job(self._file(future.name, "ini"))
        future.end_time = job.end_time if job and job.end_time else self.now()
        told = job.rc if job else None
        rc, value, error = outcome(future.name, code, told, self._file(future.name, "result"))
        # A child of ours says so itself, unless it was killed; the shell's leave it to us.
        if code is None or told is None:
            how = "finished successfully" if rc == 0 else f"FAILED with rc {rc}"
            self._around.log.write(future.say(how))
        self._end(future, rc, value, error)

    def cannot_start(self, future: Future, error: Exception) -> None:
        """Record that `future` will not run, although it was its turn."""
        future.end_time = self.now()
        failure = FutureError(future.name, f"cannot be started: {error}")
        self._around.log.write(future.say(f"cannot be started: {error}"))
        self._end(future, 1, None, failure)

    def _end(self, future: Future, rc: int, value: Any, error: BaseException | None) -> None:
        # One that was killed in the queue took no time.
        future.start_time = future.start_time or future.end_time
        self._around.journal.write(
            FutureEnd(
                future.name,
                rc,
                start_time=future.start_time / 1000,
                end_time=future.end_time / 1000,
                cpu=future.cpu,
                error=spoken(error) if error else None,
            )
        )
        self._running -= future.state is State.RUNNING
        self._queue.remove(future)
        self._queue.release(future)
        future.ended_at = self._around.journal.now()
        future.end(rc, value, error)
        self.start_queued()

    # -- wait and collect ----------------------------------------------------------------------

    def find(self, name: str) -> Future | None:
        """Return the future of that name unless it has been collected."""
        future = self._known.get(name)
        return future if future and future.state is not State.COLLECTED else None

    def look(self) -> None:
        """Take in which futures have ended meanwhile."""
        if os.getpid() == self._parent:
            self._around.loop.turn(0)

    def wait(self, *names: str) -> int:
        """Collect futures in the order given; return 0 or the code of the first that failed."""
        for name in names:
            future = self.find(name)
            if future is None:
                self._around.log.write(
                    f"Not waiting for async task {name} that we never started or "
                    f"has already been waited for\n"
                )
                continue
            if rc := self.collect(future):
                self._around.log.write(f"Stopping async wait due to error: {' '.join(names)}\n")
                return rc
        return 0

    def settle(self, future: Future, timeout: float | None) -> None:
        """Wait up to `timeout` s for `future` and collect it; raises TimeoutError."""
        if os.getpid() != self._parent:
            raise FutureError(future.name, "result belongs to the main line; use `wait=[...]`")
        if not future.done():
            self.announce(future)
        if not self._around.loop.run_until(lambda: future.has_ended, timeout):
            future.awaited_since = None
            self._around.journal.write(WaitEnd())
            raise TimeoutError
        if future.state is State.ENDED and not future.is_cancelled:
            self.collect(future)

    def announce(self, future: Future) -> float:
        """Say, once, that the main line waits for `future`; return since when (s)."""
        self.look()
        if future.awaited_since is None:
            future.awaited_since = self.expect(future.name)
            del self._expected[future.name]
            if not future.in_place:
                others = self._running - (future.state is State.RUNNING)
                message = f"Waiting for completion of {future.command}"
                self._around.log.write(future.say(f"{message} ({others} other jobs running)"))
        return future.awaited_since

    def expect(self, name: str) -> float:
        """Record, once, that the main line waits for `name`, started or not; return since when."""
        if name not in self._expected:
            self._expected[name] = self._around.journal.now()
            self._around.journal.write(WaitStart(name))
        return self._expected[name]

    def collect(self, future: Future) -> int:
        """Wait for `future`, insert its log in the main line, and return its code."""
        log, journal = self._around.log, self._around.journal
        began = self.announce(future)
        self._around.loop.run_until(lambda: future.has_ended)
        waited = max(0.0, (future.ended_at or journal.now()) - began)
        place = log.insert(self._file(future.name, "log")) if self._around.parallel else None
        rc = 1 if future.rc is None else future.rc
        result = f"result {rc} in {int(future.seconds)} seconds"
        log.write(future.say(f"finished {future.command} with {result}"))
        future.state = State.COLLECTED
        self._file(future.name, "ini").unlink(missing_ok=True)
        journal.write(Collected(future.name, rc, waited, place))
        self.failed = future.name if rc else ""
        return rc

    @property
    def are_running(self) -> bool:
        """Whether any of them runs, or is about to."""
        return self._queue.has_running

    def uncollected(self) -> list[Future]:
        """Return the futures that nobody has waited for, in the order of their start."""
        return [
            future
            for future in self._known.values()
            if future.state is not State.COLLECTED and not future.is_cancelled
        ]

    # -- stop ----------------------------------------------------------------------------------

    def cancel(self, future: Future) -> bool:
        """Take a future back that has not started yet; return False if it has."""
        # One of the shell waits in a process of its own.
        if future.state is not State.QUEUED or future.pid:
            return False
        self._queue.remove(future)
        future.is_cancelled = True
        future.end(1, None, CancelledError())
        self._around.journal.write(FutureCancelled(future.name))
        return True

    def stop_all(self, others: Callable[[], list[Root]]) -> list[Future]:
        """End all that runs, and `others`, as whole process trees, and take back what is queued.

        Returns the futures that were stopped. From now on none can be started.
        """
        self.is_closed = True
        for future in self.uncollected():
            self.cancel(future)
        running = self._all_running()
        alive = [future for future in running if future.pid]
        # What the shell was forking just now is not known yet: the second time by its file.
        for _ in range(2):
            self.look()
            stop([*self._roots(), *others()])
            self._around.loop.run_until(lambda: all(one.has_ended for one in alive), timeout=1)
        for future in running:
            if not future.has_ended:
                # It ran in a session that is gone, or a signal came while its end was taken in.
                self.ended(future, None)
            self._around.journal.write(FutureStopped(future.name))
        return running

    def kill_all(self, others: Callable[[], list[Root]]) -> None:
        """End all that runs, and `others`, at once, without grace."""
        stop([*self._roots(), *others()], grace=0)

    def _all_running(self) -> list[Future]:
        return [
            future
            for future in self._known.values()
            if future.state is State.RUNNING or (future.pid and not future.has_ended)
        ]

    def _roots(self) -> Iterator[Root]:
        run = self._around.run
        yield from (Root(future.pid, mark(run, future.name)) for future in self._all_running())
        yield from unfinished(self._around.directory, run)

    # -- files ---------------------------------------------------------------------------------

    def _file(self, name: str, suffix: str) -> Path:
        return self._around.directory / f"{name}.{suffix}"

    def now(self) -> int:
        """Return the time in ms since the epoch."""
        return int(self._around.journal.now() * 1000)
