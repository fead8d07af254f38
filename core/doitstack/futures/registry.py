"""The futures of one run: started, waited for, collected, stopped. Knows no doit.

One namespace holds those that Python starts, as forked children, and those that the bash session
starts and reports.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

from doitstack.errors import TIMED_OUT, FutureError
from doitstack.futures.collecting import Wait
from doitstack.futures.forking import Forker
from doitstack.futures.future import Future, FutureState
from doitstack.futures.result import outcome
from doitstack.futures.run_context import RunContext
from doitstack.futures.starter import Starter
from doitstack.futures.time_limit import limit_time, time_out_error
from doitstack.futures.transitions import change
from doitstack.futures.watchdog import mark, root_of, unfinished
from doitstack.journal.events import FutureStopped, WaitEnd, WaitStart
from doitstack.journal.job_file import Job, read_job
from doitstack.planning.call_action import traceback_of
from doitstack.processes.tree import Root, stop
from doitstack.steps import future_name, lock_name, one_line

_BEFORE_PROCESS = (FutureState.DECLARED, FutureState.STARTING)


class FutureRegistry:
    """The futures of one run.

    Attributes:
        starter: starts those whose turn it is.
        awaited: names that futures of the plan wait for; nobody is surprised that the main line
            does not.
        failed: the name of the future that was collected last, if it has failed.
        is_closed: whether no more can be started.
    """

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._known: dict[str, Future] = {}
        self._waits: list[Wait] = []
        self._expected: dict[str, float] = {}
        self._forker = Forker(run)
        self._running = 0
        self.starter = Starter(
            run.scheduler, run.slots, run.loop, lambda one: self._set(one, FutureState.QUEUED)
        )
        self.awaited: set[str] = set()
        self.failed = ""
        self.is_closed = False

    def _set(self, future: Future, state: FutureState, **facts: Any) -> None:
        was = future.state
        change(self._run.journal, future, state, **facts)
        self._running += (state is FutureState.RUNNING) - (was is FutureState.RUNNING)

    def call_in_child(self, function: Callable[[], None]) -> None:
        """Call `function` first in each forked child."""
        self._forker.close_in_child.append(function)

    # -- start ---------------------------------------------------------------------------------

    def submit(self, name: str, command: str, action: Callable[[], Any], **how: Any) -> Future:
        """Start `action` in a forked child, once there is a slot and its lock is free.

        `how` is as for `declare`, which it calls. In a serial run it has ended when this returns.
        Raises FutureError if there is a future of that name which nobody has collected, or if the
        name is not a good one.
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
    ) -> Future:
        """Take `name` into the namespace. Raises FutureError if it is taken or not a good name.

        A step of the plan gives its `task` for the scheduler, and its rank.
        """
        try:
            future_name(name)
            # If futures run one after another, none needs to be kept from another.
            lock = lock_name(lock) if self._run.options.parallel else ""
        except ValueError as error:
            raise FutureError(str(name), str(error)) from error
        if self.is_closed:
            raise FutureError(name, "cannot be started: the run is being stopped")
        if self.find(name):
            raise FutureError(name, "is already started and not collected; use another name")
        future = Future(self, name, self._run.redact(one_line(command)), task)
        future.lock = lock
        future.timeout = self._run.time_limit if timeout is None else timeout
        future.rank = self._run.priorities.of_future(name) if rank is None else rank
        future.in_place = not self._run.options.parallel
        self._known[name] = future
        return future

    def fork_when_possible(self, future: Future, action: Callable[[], Any]) -> None:
        """Run `action` in a forked child once the scheduler lets it start; see `pump`."""
        self.start_when_possible(future, lambda: self._fork(future, action))

    def start_when_possible(self, future: Future, start: Callable[[], None]) -> None:
        """Call `start` once the scheduler lets `future` start; see `pump`."""

        def begin() -> None:
            self._set(future, FutureState.STARTING)
            start()

        self.starter.add(future, begin)

    def pump(self) -> None:
        """Start what may start now, then collect what somebody waits for."""
        self.starter.pump()
        self._advance_waits()

    def _fork(self, future: Future, action: Callable[[], Any]) -> None:
        try:
            pid = self._forker.fork(future, action)
        except OSError as error:
            self.cannot_start(future, error)
            return
        self.runs(future, pid, self._run.journal.now())
        self._run.loop.when_ended(pid, lambda: self._reap(future, pid))

    def has_process(self, future: Future, pid: int) -> None:
        """Record the process of a future of bash, which may still wait at its start gate."""
        future.pid = pid
        self._run.loop.when_ended(pid, lambda: self.ended(future, None))

    def runs(self, future: Future, pid: int, start_time: float) -> None:
        """Record that the work of `future` begins as `pid` (0: in the session itself)."""
        if not future.has_ended:
            self._set(future, FutureState.RUNNING, pid=pid, start_time=start_time)
            limit_time(self._run, future)

    # -- end -----------------------------------------------------------------------------------

    def _reap(self, future: Future, pid: int) -> None:
        _, status, usage = os.wait4(pid, 0)
        future.cpu = usage.ru_utime + usage.ru_stime
        self.ended(future, os.waitstatus_to_exitcode(status))

    def ended(self, future: Future, code: int | None) -> None:
        """Record the end of `future`; `code` is its process's exit code, if that is known."""
        if future.has_ended:
            return
        job = self._ended_job(future)
        end_time = job.end_time / 1000 if job and job.end_time else self._run.journal.now()
        reported = job.rc if job else None
        rc, value, error = outcome(future.name, code, reported, self._file(future.name, "result"))
        if future.has_timed_out:
            rc, value, error = TIMED_OUT, None, time_out_error(future)
        # A child of ours says so itself, unless it was killed; the shell's leave it to us.
        if code is None or reported is None:
            how = "finished successfully" if rc == 0 else f"FAILED with rc {rc}"
            self._run.log.write(future.line(how))
        self._end(future, end_time, rc=rc, value=value, error=error)

    def _ended_job(self, future: Future) -> Job | None:
        """Return the file of a future that has ended. Of one that was killed nothing goes on."""
        job = read_job(self._file(future.name, "ini"))
        if job and job.pid and job.rc is None:
            stop([root_of(job, mark(self._run.name, future.name))], grace=0)
        return job

    def cannot_start(self, future: Future, error: Exception) -> None:
        """Record that `future` will not run, although it was its turn."""
        # The session may have forked it, and have been killed before it could report that.
        self._ended_job(future)
        failure = FutureError(future.name, f"cannot be started: {error}")
        self._run.log.write(future.line(f"cannot be started: {error}"))
        self._end(future, self._run.journal.now(), rc=1, error=failure)

    def _end(self, future: Future, end_time: float, **facts: Any) -> None:
        # One that was killed in the queue took no time.
        facts["start_time"] = future.start_time or end_time
        seen = self._run.journal.now()
        self._set(future, FutureState.ENDED, end_time=end_time, end_seen=seen, **facts)
        self._after_end(future)

    def _after_end(self, future: Future) -> None:
        self.starter.ended(future)
        future.call_back()
        if not self.is_closed:
            self.pump()

    def report_callback_error(self, future: Future, error: Exception) -> None:
        """Show what a callback of `future` has raised."""
        self._run.log.write(f"{future.line('a done callback failed')}{traceback_of(error)}")

    # -- wait and collect ----------------------------------------------------------------------

    def find(self, name: str) -> Future | None:
        """Return the future of that name unless it has been collected."""
        future = self._known.get(name)
        return future if future and future.state is not FutureState.COLLECTED else None

    def look(self) -> None:
        """Take in which futures have ended meanwhile."""
        if self._forker.is_parent and not self._run.loop.is_calling_back:
            self._run.loop.turn(0)

    def when_collected(
        self,
        names: Iterable[str],
        then: Callable[[int], object] = lambda _: None,
        **how: Any,
    ) -> Wait:
        """Collect futures in the order given, each as soon as it can be; see `Wait`.

        `then` is called with 0, or with the code of the first that failed; that may be at once.
        """
        wait = Wait(self, names, then, **how)
        self._waits.append(wait)
        self._advance_waits()
        return wait

    def when_waited_for(self, names: tuple[str, ...], then: Callable[[int], None]) -> Wait:
        """Collect futures as DevStack's async_wait does, which says why it stops early."""
        return self.when_collected(names, lambda rc: then(self.report_wait(names, rc)))

    def when_rest_collected(self, then: Callable[[int], None] = lambda _: None) -> Wait:
        """Collect what nobody has waited for, with a warning each."""
        return self.when_collected(self._rest(), then, keeps_going=True)

    def _rest(self) -> Iterator[str]:
        while left := self.uncollected():
            if left[0].name not in self.awaited:
                self._run.say(f"WARNING: uncollected async future {left[0].name}")
            yield left[0].name

    def _advance_waits(self) -> None:
        for wait in list(self._waits):
            wait.advance()
        self._waits = [wait for wait in self._waits if not wait.is_over]

    def stay(self, wait: Wait, timeout: float | None = None) -> bool:
        """Wait here until `wait` is over; return False if `timeout` s went by without it."""
        try:
            return self._run.loop.run_until(lambda: wait.is_over, timeout)
        finally:
            wait.cancel()

    def settle(self, future: Future, timeout: float | None) -> None:
        """Wait up to `timeout` s for `future` and collect it; raises TimeoutError."""
        if not self._forker.is_parent:
            raise FutureError(future.name, "result belongs to the main line; use `wait=[...]`")
        if self.find(future.name) is not future or future.cancelled():
            return
        if not self.stay(self.when_collected([future.name]), timeout):
            future.awaited_since = None
            self._run.journal.write(WaitEnd())
            raise TimeoutError

    def report_wait(self, names: Iterable[str], rc: int) -> int:
        """Say that an async_wait ends with an error, if it does; return its code."""
        if rc:
            self._run.say(f"Stopping async wait due to error: {' '.join(names)}")
        return rc

    def say_unknown(self, name: str) -> None:
        """Say that there is no future of that name to wait for."""
        self._run.say(
            f"Not waiting for async task {name} that we never started or "
            f"has already been waited for"
        )

    def expect(self, name: str) -> float:
        """Record, once, that the main line waits for `name`, started or not; return since when."""
        if name not in self._expected:
            self._expected[name] = self._run.journal.now()
            self._run.journal.write(WaitStart(name))
        return self._expected[name]

    def announce(self, future: Future) -> None:
        """Say, once, that the main line waits for `future`."""
        if future.awaited_since is not None:
            return
        began = self.expect(future.name)
        # The line names the process, which bash is about to report.
        if future.state not in _BEFORE_PROCESS:
            del self._expected[future.name]
            future.awaited_since = began
            if not future.in_place:
                others = self._running - (future.state is FutureState.RUNNING)
                message = f"Waiting for completion of {future.command}"
                self._run.log.write(future.line(f"{message} ({others} other jobs running)"))

    def collect(self, future: Future) -> int:
        """Insert the log of a future that has ended in the main line, and return its code."""
        self.announce(future)
        is_beside = not future.in_place
        place = self._run.log.insert(self._file(future.name, "log")) if is_beside else None
        result = f"result {future.code} in {int(future.seconds)} seconds"
        self._run.log.write(future.line(f"finished {future.command} with {result}"))
        self._file(future.name, "ini").unlink(missing_ok=True)
        self._set(future, FutureState.COLLECTED, log_place=place)
        self.failed = future.name if future.code else ""
        return future.code

    def running(self) -> list[Future]:
        """Return the futures that run, as far as their ends have been seen."""
        return [one for one in self._known.values() if one.state is FutureState.RUNNING]

    def uncollected(self) -> list[Future]:
        """Return the futures that nobody has waited for, in the order of their start."""
        over = (FutureState.COLLECTED, FutureState.CANCELLED)
        return [future for future in self._known.values() if future.state not in over]

    # -- stop ----------------------------------------------------------------------------------

    def cancel(self, future: Future) -> bool:
        """Take a future back that has not started yet; return False if it has."""
        # One of the shell waits in a process of its own, or is just being forked.
        if future.has_ended or future.state is FutureState.RUNNING or future.pid:
            return False
        self._set(future, FutureState.CANCELLED, rc=1, error=CancelledError())
        self._after_end(future)
        return True

    def stop_all(self, others: Callable[[], list[Root]]) -> list[Future]:
        """End everything that runs, and `others`, as whole process trees; cancel what is queued.

        Returns the futures that were stopped. From now on none can be started.
        """
        self.is_closed = True
        for wait in self._waits:
            wait.cancel()
        for future in self.uncollected():
            self.cancel(future)
        to_stop = self._with_process()
        alive = [future for future in to_stop if future.pid]
        # What the shell was forking just now is not known yet: the second time by its file.
        for _ in range(2):
            self.look()
            stop([*self._roots(), *others()])
            self._run.loop.run_until(lambda: all(one.has_ended for one in alive), timeout=1)
        for future in to_stop:
            if not future.has_ended:
                # It ran in a session that is gone.
                self.ended(future, None)
            self._run.journal.write(FutureStopped(future.name))
        return to_stop

    def kill_all(self, others: Callable[[], list[Root]]) -> None:
        """End everything that runs, and `others`, at once, without grace."""
        stop([*self._roots(), *others()], grace=0)

    def _with_process(self) -> list[Future]:
        return [
            future
            for future in self._known.values()
            if future.state is FutureState.RUNNING or (future.pid and not future.has_ended)
        ]

    def _roots(self) -> Iterator[Root]:
        run = self._run.name
        yield from (Root(one.pid, mark(run, one.name)) for one in self._with_process())
        yield from unfinished(self._run.futures_dir, run)

    # -- files ---------------------------------------------------------------------------------

    def _file(self, name: str, suffix: str) -> Path:
        return self._run.futures_dir / f"{name}.{suffix}"
