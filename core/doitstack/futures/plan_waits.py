"""The main line at an `async_wait` of the plan: what it waits for, and what can be collected.

Knows no doit.
"""

from dataclasses import dataclass

from doitstack.futures.registry import Futures
from doitstack.planning.plan import PlannedStep


@dataclass(frozen=True)
class Standstill:
    """An async_wait at which the main line stands.

    `missing` are the futures of the plan that have not ended, whether they could start or not.
    """

    planned: PlannedStep
    missing: frozenset[str]


class PlanWaits:
    """The waits of a run's plan."""

    def __init__(self, futures: Futures) -> None:
        self._futures = futures
        self._collected: set[tuple[str, str]] = set()
        self._skipped: set[str] = set()

    def skip(self, planned: PlannedStep) -> None:
        """Note that a step was still good, so that nobody looks for its future."""
        if planned.is_future:
            self._skipped.add(planned.step.name)

    def announce(self, at: Standstill) -> None:
        """Say for which future the main line waits: the first that it cannot collect yet."""
        self.collect_ended(at)
        name = self._next(at)
        future = self._futures.find(name)
        if future:
            self._futures.announce(future)
        elif name:
            self._futures.expect(name)

    def collect_ended(self, at: Standstill) -> None:
        """Collect, in order, what has ended well."""
        future = self._futures.find(self._next(at))
        while future and future.done() and future.rc == 0:
            self._futures.collect(future)
            self._collected.add((at.planned.task, future.name))
            future = self._futures.find(self._next(at))

    def _next(self, at: Standstill) -> str:
        """Return the first name that is not collected and is, or will be, a future; or nothing.

        One that was up to date, or that nobody starts, holds up no other.
        """
        for name in self._left(at.planned):
            if name in at.missing or self._futures.find(name):
                return name
        return ""

    def rest(self, planned: PlannedStep) -> list[str]:
        """Return what the step itself has to collect when its turn has come."""
        return [
            name
            for name in self._left(planned)
            if name not in self._skipped or self._futures.find(name)
        ]

    def _left(self, planned: PlannedStep) -> list[str]:
        return [name for name in planned.step.waits if (planned.task, name) not in self._collected]
