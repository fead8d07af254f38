"""The async_waits of a run's plan: each collects its futures from when the main line reaches it."""

from collections.abc import Callable

from doitstack.errors import FutureError
from doitstack.futures.collecting import Wait
from doitstack.futures.future import Future
from doitstack.futures.registry import FutureRegistry
from doitstack.planning.plan import PlannedStep
from doitstack.scheduling.scheduler import PENDING, Scheduler, State

FindStep = Callable[[str], PlannedStep | None]
"""Returns the step of a task of this run."""


class PlanWaits:
    """The waits of a run's plan.

    Args:
        find_step: returns the step that a task stands for, or None for a task without one.
    """

    def __init__(self, futures: FutureRegistry, scheduler: Scheduler, find_step: FindStep) -> None:
        self._futures = futures
        self._scheduler = scheduler
        self._find_step = find_step
        self._waits: dict[str, Wait] = {}
        self._skipped: set[str] = set()

    def skip(self, planned: PlannedStep) -> None:
        """Note that a step is up to date, so that nobody misses its future."""
        if planned.is_future:
            self._skipped.add(planned.step.name)

    def reached(self) -> PlannedStep | None:
        """Return the async_wait at which the main line stands, and begin to collect for it."""
        at = self._scheduler.waits_at()
        planned = self._find_step(at[0].name) if at else None
        if planned:
            self._wait_of(planned)
        return planned

    def show_failure(self, future: Future) -> None:
        """Collect a future that has failed; the async_wait at which the main line is ends so."""
        planned = self.reached()
        if planned and future.name in planned.step.waits:
            wait = self._wait_of(planned)
            if not wait.is_over:
                wait.fail_with(future)
        elif self._futures.find(future.name) is future:
            self._futures.collect(future)

    def run(self, planned: PlannedStep) -> None:
        """Run an async_wait to its end; most is collected already. Raises FutureError."""
        wait = self._wait_of(planned)
        self._futures.stay(wait)
        if wait.rc:
            names = " ".join(planned.step.waits)
            raise FutureError(names, f"failed with rc {wait.rc}; its log is above", wait.rc)

    def _wait_of(self, planned: PlannedStep) -> Wait:
        if planned.task not in self._waits:
            waits = planned.step.waits
            self._waits[planned.task] = self._futures.when_collected(
                waits,
                lambda rc: self._futures.report_wait(waits, rc),
                is_coming=lambda name: self._is_coming(planned, name),
                on_unknown=self._say_unknown,
            )
        return self._waits[planned.task]

    def _is_coming(self, planned: PlannedStep, name: str) -> bool:
        """Return whether a future that the async_wait needs has not been declared yet."""
        for need in planned.needs:
            step = self._find_step(need)
            if step and step.is_future and step.step.name == name:
                # After a failure elsewhere it will not come, but this wait does not end, either.
                return self._scheduler.state(need) in PENDING | {State.NOT_RUN}
        return False

    def _say_unknown(self, name: str) -> None:
        if name not in self._skipped:
            self._futures.say_unknown(name)
