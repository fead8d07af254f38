"""Futures that are waited for in order: the only way to wait, for the plan, Python and bash."""

from collections.abc import Callable, Iterable
from typing import Protocol

from doitstack.futures.future import Future


class Collector(Protocol):
    """What a wait needs of the collector."""

    def find(self, name: str) -> Future | None:
        """Return the future of that name unless it has been collected."""

    def expect(self, name: str) -> float:
        """Record, once, that the main line waits for `name`; return since when."""

    def announce(self, future: Future) -> None:
        """Show, once, that the main line waits for `future`."""

    def collect(self, future: Future) -> int:
        """Insert the log of a future that has ended, and return its code."""

    def report_unknown(self, name: str) -> None:
        """Show that there is no future of that name to wait for."""


class Wait:
    """Futures that are collected in the order given, each as soon as it can be.

    Args:
        names: the futures; the next name is read once the future before it is collected.
        then: is called once, with `rc`: 0 if all are collected, or the code of one that failed.
        is_coming: returns whether a future that does not exist yet will.
        on_unknown: is called with a name that no future has.
        keeps_going: whether the others are collected after one that failed.
    """

    def __init__(
        self,
        collector: Collector,
        names: Iterable[str],
        then: Callable[[int], object],
        *,
        is_coming: Callable[[str], bool] = lambda _: False,
        on_unknown: Callable[[str], None] | None = None,
        keeps_going: bool = False,
    ) -> None:
        self._collector = collector
        self._names = iter(names)
        self._then = then
        self._is_coming = is_coming
        self._on_unknown = on_unknown or collector.report_unknown
        self._keeps_going = keeps_going
        self._current: str | None = next(self._names, None)
        self.failed: list[Future] = []
        self.rc = 0
        self.is_over = False

    def advance(self) -> None:
        """Collect what can be collected, and announce the first future that has not ended."""
        while not self.is_over and not self._must_wait():
            if self._current is None:
                self._end(max((future.code for future in self.failed), default=0))
            else:
                self._current = next(self._names, None)

    def _must_wait(self) -> bool:
        """Collect the current future if it has ended; return whether it has not."""
        if self._current is None:
            return False
        future = self._collector.find(self._current)
        if future and not future.has_ended:
            self._collector.announce(future)
            return True
        if future:
            self._collect(future)
        elif self._is_coming(self._current):
            self._collector.expect(self._current)
            return True
        else:
            self._on_unknown(self._current)
        return False

    def _collect(self, future: Future) -> None:
        if rc := self._collector.collect(future):
            self.failed.append(future)
            if not self._keeps_going:
                self._end(rc)

    def fail_with(self, future: Future) -> None:
        """Collect a future that has failed before its turn; the wait ends with its code."""
        self._end(self._collector.collect(future) or 1)

    def cancel(self) -> None:
        """End the wait without calling `then`."""
        self.is_over = True

    def _end(self, rc: int) -> None:
        self.is_over, self.rc = True, rc
        self._then(rc)
