"""Starts and stops the futures of one run, and records their ends. Does not depend on doit.

Python starts some of them, as forked children; the bash session starts and reports the others.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from doitstack.errors import TIMED_OUT, CommandError, FutureError
from doitstack.futures.collector import Collector
from doitstack.futures.forking import Forker
from doitstack.futures.future import Future, FutureState, ended_line
from doitstack.futures.future_table import FutureTable
from doitstack.futures.result import outcome
from doitstack.futures.run_context import RunContext
from doitstack.futures.spawned_program import SpawnedProgram
from doitstack.futures.starter import Starter
from doitstack.futures.time_limit import limit_time, time_out_error
from doitstack.futures.watchdog import mark, root_of, unfinished
from doitstack.journal.events import FutureStopped
from doitstack.journal.job_file import Job, read_job
from doitstack.planning.call_action import traceback_of
from doitstack.processes.tree import Root, stop
from doitstack.steps import awaited_name, future_name, lock_name, one_line


class FutureRegistry:
    """The futures of one run.

    Attributes:
        table: the futures by name.
        starter: starts the futures whose turn it is.
        collector: waits for futures and collects them.
        on_end: is called with each future that has ended.
        is_closed: whether no more futures can be started.
    """

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._forker = Forker(run)
        self.table = FutureTable(run.journal)
        self.collector = Collector(run, self.table)
        self.starter = Starter(run.scheduler, run.slots, run.loop, self._queued)
        self.on_end: list[Callable[[Future], None]] = []
        self.is_closed = False

    def _queued(self, future: Future) -> None:
        self.table.set_state(future, FutureState.QUEUED)

    def call_in_child(self, function: Callable[[], None]) -> None:
        """Call `function` first in each forked child."""
        self._forker.close_in_child.append(function)

    # -- start ---------------------------------------------------------------------------------

    def submit(self, name: str, command: str, action: Callable[[], Any], **how: Any) -> Future:
        """Start `action` in a forked child, once there is a slot and its lock is free.

        `how` are the keyword arguments of `declare`. In a serial run this returns once the future
        has ended. Raises FutureError if the name is not valid, or if it belongs to a future that
        is not collected yet.
        """
        future = self.declare(name, command, **how)
        self.fork_when_possible(future, action)
        self.pump()
        if not self._run.options.parallel:
            self._run.loop.run_until(lambda: future.has_ended)
        return future

    def declare(
        self,
        name: str,
        command: str,
        *,
        lock: str = "",
        timeout: float | None = None,
        task: str = "",
        rank: float | None = None,
        is_elsewhere: bool = False,
    ) -> Future:
        """Add a future to the table. Raises FutureError if its name is taken or not valid.

        Args:
            command: the command or function, for messages.
            lock: of the futures with the same lock, one runs at a time.
            timeout: how long it may run (s); 0 for no limit, None for the limit of the run.
            task: its name for the scheduler, if a step of the plan starts it.
            rank: of the futures that wait, the one with the greatest rank (s) starts first.
            is_elsewhere: whether its work is done on another host; its name has that of the host.
        """
        try:
            awaited_name(name) if is_elsewhere else future_name(name)
            # In a serial run no two futures run at once, so they need no locks.
            lock = lock_name(lock) if self._run.options.parallel else ""
        except ValueError as error:
            raise FutureError(str(name), str(error)) from error
        if self.is_closed:
            raise FutureError(name, "cannot be started: the run is being stopped")
        if self.table.find(name):
            raise FutureError(name, "is already started and not collected; use another name")
        future = Future(self, name, self._run.redact(one_line(command)), task)
        future.lock = lock
        future.timeout = self._run.time_limit if timeout is None else timeout
        future.rank = self._run.priorities.of_future(name) if rank is None else rank
        future.in_place = not (self._run.options.parallel or is_elsewhere)
        future.takes_slot = not is_elsewhere
        future.declare_time = self._run.journal.now()
        self.table.add(future)
        return future

    def fork_when_possible(self, future: Future, action: Callable[[], Any]) -> None:
        """Run `action` in a forked child once the scheduler lets it start; see `pump`."""
        self.start_when_possible(future, partial(self._fork, future, action))

    def start_when_possible(self, future: Future, start: Callable[[], None]) -> None:
        """Call `start` once the scheduler lets `future` start; see `pump`."""
        self.starter.add(future, partial(self._start, future, start))

    def _start(self, future: Future, start: Callable[[], None]) -> None:
        self.table.set_state(future, FutureState.STARTING)
        start()

    def pump(self) -> None:
        """Start what may start now, then collect the futures that are waited for."""
        self.starter.pump()
        self.collector.advance()

    def _fork(self, future: Future, action: Callable[[], Any]) -> None:
        try:
            pid = self._forker.fork(future, action)
        except OSError as error:
            self.cannot_start(future, error)
            return
        self.runs(future, pid, self._run.journal.now())
        self._run.loop.when_ended(pid, lambda: self.ended(future, _reaped(future)))

    def spawn_when_possible(self, future: Future, argv: Sequence[str | Path]) -> None:
        """Run the program `argv` once the scheduler lets it start; see `pump`."""
        program = SpawnedProgram(self._run, future, argv)
        self.start_when_possible(future, partial(self._spawn, future, program))

    def _spawn(self, future: Future, program: SpawnedProgram) -> None:
        try:
            pid = program.start()
        except OSError as error:
            self.cannot_start(future, error)
        except CommandError as error:
            self.ended(future, error.code, error)
        else:
            self.runs(future, pid, self._run.journal.now())
            self._run.loop.when_ended(pid, partial(self._program_ended, future, program))

    def _program_ended(self, future: Future, program: SpawnedProgram) -> None:
        code = _reaped(future)
        self.ended(future, code, program.record_end(code))

    def has_process(self, future: Future, pid: int) -> None:
        """Record the process of a future of bash, which may still wait at its start gate."""
        future.pid = pid
        self._run.loop.when_ended(pid, lambda: self.ended(future, None))

    def runs(self, future: Future, pid: int, start_time: float) -> None:
        """Record that the work of `future` begins as `pid` (0: in the session itself)."""
        if not future.has_ended:
            start_time = self._after(future.declare_time, start_time)
            self.table.set_state(future, FutureState.RUNNING, pid=pid, start_time=start_time)
            limit_time(self._run, future)

    def _after(self, earlier: float, time: float) -> float:
        """Return `time`, but between `earlier` and now: bash's clock may have been set."""
        return min(max(earlier, time), self._run.journal.now())

    # -- end -----------------------------------------------------------------------------------

    def ended(self, future: Future, code: int | None, failure: CommandError | None = None) -> None:
        """Record the end of `future`.

        Args:
            code: the exit code of its process, if that is known.
            failure: the error of a program that has failed.
        """
        if future.has_ended:
            return
        job = self._ended_job(future)
        future.masked = self._run.mask(self._run.file(future.name, "log"))
        now = self._run.journal.now()
        end_time = (
            self._after(future.start_time, job.end_time / 1000) if job and job.end_time else now
        )
        reported = job.rc if job else None
        result = self._run.file(future.name, "result")
        rc, value, error = outcome(future.name, code, reported, result, future.place)
        error = failure or error
        if future.has_timed_out:
            rc, value, error = TIMED_OUT, None, time_out_error(future)
        # Unless it was killed, a future of Python has shown this already; one of bash has not.
        if code is None or reported is None:
            self._run.log.add(future.line(ended_line(rc)))
        self._end(future, end_time, rc=rc, value=value, error=error)

    def _ended_job(self, future: Future) -> Job | None:
        """Return the job file of a future that has ended; kill what a failed one has left.

        It runs again the next time, and would start a second daemon.
        """
        job = read_job(self._run.file(future.name, "ini"))
        if job and job.pid and job.rc != 0:
            stop([root_of(job, mark(self._run.name, future.name))], grace=0)
        return job

    def cannot_start(self, future: Future, error: Exception) -> None:
        """Record that `future` could not be started; it ends with `error`."""
        # The session may have been killed after it forked the future and before it reported that.
        self._ended_job(future)
        failure = FutureError(future.name, f"cannot be started: {error}")
        self._run.log.write(future.line(f"cannot be started: {error}"))
        self._end(future, self._run.journal.now(), rc=1, error=failure)

    def ended_elsewhere(
        self, future: Future, rc: int, reason: str = "", times: Sequence[float] = ()
    ) -> None:
        """Record that `future`, whose work is done on another host, has ended with `rc`.

        `reason` is why it failed, if the other host has not said how it ended. `times` are its
        start and end by the clock of this host; without them it ends now.
        """
        error = FutureError(future.name, reason or f"failed with rc {rc}", rc) if rc else None
        end_time = self._run.journal.now()
        if times:
            future.start_time = self._after(future.declare_time, times[0])
            end_time = self._after(future.start_time, times[1])
        self._end(future, end_time, rc=rc, error=error)

    def _end(self, future: Future, end_time: float, **facts: Any) -> None:
        # A future that was killed in the queue took no time.
        facts["start_time"] = future.start_time or end_time
        seen = self._run.journal.now()
        self.table.set_state(future, FutureState.ENDED, end_time=end_time, end_seen=seen, **facts)
        self._after_end(future)

    def _after_end(self, future: Future) -> None:
        self.starter.ended(future)
        future.call_back()
        for listener in self.on_end:
            listener(future)
        if not self.is_closed:
            self.pump()

    # -- called by futures ---------------------------------------------------------------------

    def record_ends(self) -> None:
        """Record, without waiting, which futures have ended."""
        if self._forker.is_parent and not self._run.loop.is_calling_back:
            self._run.loop.turn(0)

    def settle(self, future: Future, timeout: float | None) -> None:
        """Wait up to `timeout` s for `future` and collect it. Raises TimeoutError."""
        if not self._forker.is_parent:
            raise FutureError(future.name, "result belongs to the main line; use `wait=[...]`")
        self.collector.settle(future, timeout)

    def report_callback_error(self, future: Future, error: Exception) -> None:
        """Show what a callback of `future` has raised."""
        self._run.log.write(f"{future.line('a done callback failed')}{traceback_of(error)}")

    # -- stop ----------------------------------------------------------------------------------

    def cancel(self, future: Future) -> bool:
        """Cancel a future that has not started yet; return False if it has."""
        # A queued future of bash already has a process, which must be stopped.
        if future.has_ended or future.state is FutureState.RUNNING or future.pid:
            return False
        self.table.set_state(future, FutureState.CANCELLED, rc=1)
        self._after_end(future)
        return True

    def stop_all(self, others: Callable[[], list[Root]]) -> list[Future]:
        """Stop all process trees of futures, and `others`; cancel the queued futures.

        Returns the futures that were stopped. No future can be started afterwards.
        """
        self.is_closed = True
        self.collector.cancel_waits()
        for future in self.table.uncollected():
            self.cancel(future)
        to_stop = self.table.stoppable()
        alive = [future for future in to_stop if future.pid]
        # A future that bash is just forking is unknown at first; the second pass finds its job
        # file.
        for _ in range(2):
            self.record_ends()
            stop([*self._roots(), *others()])
            self._run.loop.run_until(lambda: all(one.has_ended for one in alive), timeout=1)
        for future in to_stop:
            if not future.has_ended:
                # It ran in a session that has ended.
                self.ended(future, None)
            self._run.journal.write(FutureStopped(future.name))
        return to_stop

    def kill_all(self, others: Callable[[], list[Root]]) -> None:
        """Kill all process trees of futures, and `others`, without grace."""
        stop([*self._roots(), *others()], grace=0)

    def _roots(self) -> Iterator[Root]:
        run = self._run.name
        yield from (Root(one.pid, mark(run, one.name)) for one in self.table.stoppable())
        yield from unfinished(self._run.futures_dir, run)


def _reaped(future: Future) -> int:
    """Return the exit code of the process of a future, which has ended, and record its CPU time."""
    _, status, usage = os.wait4(future.pid, 0)
    future.cpu = usage.ru_utime + usage.ru_stime
    return os.waitstatus_to_exitcode(status)
