"""The async_waits of a run's plan: each collects its futures once the main line reaches it."""

from collections.abc import Callable

from doitstack.errors import FutureError
from doitstack.futures.collector import Collector
from doitstack.futures.future import Future
from doitstack.futures.wait import Wait
from doitstack.planning.plan import PlannedStep
from doitstack.scheduling.scheduler import PENDING, Scheduler, TaskState

FindStep = Callable[[str], PlannedStep | None]
"""Returns the step of a task of this run."""


class PlanWaits:
    """The waits of a run's plan.

    Args:
        find_step: returns the step that a task stands for, or None for a task without one.
    """

    def __init__(self, collector: Collector, scheduler: Scheduler, find_step: FindStep) -> None:
        self._collector = collector
        self._scheduler = scheduler
        self._find_step = find_step
        self._waits: dict[str, Wait] = {}
        self._skipped: set[str] = set()

    def skip(self, planned: PlannedStep) -> None:
        """Record that a step is up to date: waits for its future do not report it as unknown."""
        if planned.is_future:
            self._skipped.add(planned.step.name)

    def reached(self) -> PlannedStep | None:
        """Return the async_wait at which the main line is, and begin to collect its futures."""
        at = self._scheduler.waits_at()
        planned = self._find_step(at[0].name) if at else None
        if planned:
            self._wait_of(planned)
        return planned

    def show_failure(self, future: Future) -> None:
        """Collect a future that has failed; if the main line waits for it, that wait ends."""
        planned = self.reached()
        if planned and future.name in planned.step.waits:
            wait = self._wait_of(planned)
            if not wait.is_over:
                wait.fail_with(future)
        elif self._collector.find(future.name) is future:
            self._collector.collect(future)

    def run(self, planned: PlannedStep) -> None:
        """Run an async_wait to its end. Raises FutureError if one of its futures has failed."""
        wait = self._wait_of(planned)
        self._collector.wait_until_over(wait)
        if wait.rc:
            names = " ".join(planned.step.waits)
            raise FutureError(names, f"failed with rc {wait.rc}; its log is above", wait.rc)

    def _wait_of(self, planned: PlannedStep) -> Wait:
        if planned.task not in self._waits:
            waits = planned.step.waits
            self._collector.on_planned_wait(waits)
            self._waits[planned.task] = self._collector.when_collected(
                waits,
                lambda rc: self._collector.report_wait(waits, rc),
                is_coming=lambda name: self._is_coming(planned, name),
                on_unknown=self._report_unknown,
            )
        return self._waits[planned.task]

    def _is_coming(self, planned: PlannedStep, name: str) -> bool:
        """Return whether a future that the async_wait needs has not been declared yet."""
        for need in planned.needs:
            step = self._find_step(need)
            if step and step.is_future and step.step.name == name:
                # After another failure the future never comes, but this wait does not end either.
                return self._scheduler.state(need) in PENDING | {TaskState.NOT_RUN}
        return False

    def _report_unknown(self, name: str) -> None:
        if name not in self._skipped:
            self._collector.report_unknown(name)
