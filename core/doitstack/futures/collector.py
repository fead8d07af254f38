"""Waits for futures and collects them: their logs appear in the main log in the order of waits."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from doitstack.futures.future import Future, FutureState
from doitstack.futures.future_table import FutureTable
from doitstack.futures.run_context import RunContext
from doitstack.futures.wait import Wait
from doitstack.journal.events import WaitEnd, WaitStart

_BEFORE_PROCESS = (FutureState.DECLARED, FutureState.STARTING)


class Collector:
    """Collects the futures of one run.

    Attributes:
        awaited: the names that futures of the plan wait for; if the main line does not wait for
            these, there is no warning.
        failed: the name of the future that was collected last if it has failed, or "".
        on_wait: is called with the names that scripts and actions wait for.
        on_planned_wait: is called with those of an `async_wait` of the plan that is reached.
    """

    def __init__(self, run: RunContext, table: FutureTable) -> None:
        self._run = run
        self._table = table
        self._waits: list[Wait] = []
        self._expected: dict[str, float] = {}
        self.awaited: set[str] = set()
        self.failed = ""
        self.on_wait: Callable[[tuple[str, ...]], None] = lambda _: None
        self.on_planned_wait: Callable[[tuple[str, ...]], None] = lambda _: None

    # -- waits ---------------------------------------------------------------------------------

    def when_collected(
        self,
        names: Iterable[str],
        then: Callable[[int], object] = lambda _: None,
        **how: Any,
    ) -> Wait:
        """Collect futures in the order given, each as soon as it can be.

        `then` is called with 0, or with the code of the first that failed; that may be at once.
        `how` are the keyword arguments of `Wait`.
        """
        wait = Wait(self, names, then, **how)
        self._waits.append(wait)
        self.advance()
        return wait

    def when_waited_for(self, names: tuple[str, ...], then: Callable[[int], None]) -> Wait:
        """Collect futures as DevStack's async_wait does, which reports why it stops early."""
        self.on_wait(names)
        return self.when_collected(names, lambda rc: then(self.report_wait(names, rc)))

    def wait_for(self, names: tuple[str, ...]) -> int:
        """Wait here as DevStack's async_wait does; return the code of the first that failed."""
        self.on_wait(names)
        wait = self.when_collected(names)
        self.wait_until_over(wait)
        return self.report_wait(names, wait.rc)

    def when_rest_collected(self, then: Callable[[int], None] = lambda _: None) -> Wait:
        """Collect all other futures, with a warning for each that nothing has waited for."""
        return self.when_collected(self._rest(), then, keeps_going=True)

    def _rest(self) -> Iterator[str]:
        while future := self._table.first():
            # The future that waits for one of another host may have been up to date.
            if future.name not in self.awaited and not future.runs_elsewhere:
                self._run.say(f"WARNING: uncollected async future {future.name}")
            yield future.name

    def advance(self) -> None:
        """Collect every future that has ended and whose turn it is in a wait."""
        for wait in list(self._waits):
            wait.advance()
        self._waits = [wait for wait in self._waits if not wait.is_over]

    def cancel_waits(self) -> None:
        """End all waits without calling those that wait."""
        for wait in self._waits:
            wait.cancel()

    def wait_until_over(self, wait: Wait, timeout: float | None = None) -> bool:
        """Wait here until `wait` is over; return False if it is not after `timeout` s."""
        try:
            return self._run.loop.run_until(lambda: wait.is_over, timeout)
        finally:
            wait.cancel()

    def settle(self, future: Future, timeout: float | None) -> None:
        """Wait up to `timeout` s for `future` and collect it. Raises TimeoutError."""
        if self.find(future.name) is not future or future.cancelled():
            return
        if not self.wait_until_over(self.when_collected([future.name]), timeout):
            future.awaited_since = None
            self._run.journal.write(WaitEnd())
            raise TimeoutError

    # -- one future ----------------------------------------------------------------------------

    def find(self, name: str) -> Future | None:
        """Return the future of that name unless it has been collected."""
        return self._table.find(name)

    def expect(self, name: str) -> float:
        """Record, once, that the main line waits for `name`, started or not; return since when."""
        if name not in self._expected:
            self._expected[name] = self._run.journal.now()
            self._run.journal.write(WaitStart(name))
        return self._expected[name]

    def announce(self, future: Future) -> None:
        """Show, once, that the main line waits for `future`."""
        if future.awaited_since is not None:
            return
        began = self.expect(future.name)
        # The line names the process, which bash is about to report.
        if future.state not in _BEFORE_PROCESS:
            del self._expected[future.name]
            future.awaited_since = began
            if not future.in_place:
                others = self._table.running_count - (future.state is FutureState.RUNNING)
                message = f"Waiting for completion of {future.command}"
                self._run.log.add(future.line(f"{message} ({others} other jobs running)"))

    def collect(self, future: Future) -> int:
        """Insert the log of a future that has ended in the main line, and return its code."""
        self.announce(future)
        path = self._run.file(future.name, "log")
        log = None if future.in_place else self._run.log.insert(path, future.masked)
        result = f"result {future.code} in {int(future.seconds)} seconds"
        self._run.log.add(future.line(f"finished {future.command} with {result}"))
        with suppress(FileNotFoundError):
            os.unlink(self._run.file(future.name, "ini"))  # noqa: PTH108 - see `RunContext.file`
        self._table.set_state(future, FutureState.COLLECTED, log_place=log)
        self.failed = future.name if future.code else ""
        return future.code

    # -- reports -------------------------------------------------------------------------------

    def report_wait(self, names: Iterable[str], rc: int) -> int:
        """Return `rc`, the code of an async_wait; show that it stops early if that is not 0."""
        if rc:
            self._run.say(f"Stopping async wait due to error: {' '.join(names)}")
        return rc

    def report_unknown(self, name: str) -> None:
        """Show that there is no future of that name to wait for."""
        self._run.say(
            f"Not waiting for async task {name} that we never started or "
            f"has already been waited for"
        )
