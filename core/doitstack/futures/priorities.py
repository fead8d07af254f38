"""The rank of each step: the length (s) of the longest chain of work that begins with it.

Computed from the plan's graph and the durations of earlier runs; starts nothing.
"""

from collections.abc import Iterable, Mapping

from doitstack.planning.plan import PlannedStep
from doitstack.scheduling.priorities import remaining_paths


class Priorities:
    """The ranks of a plan's steps, and of the futures that its steps start.

    A future that a running step starts is not in the plan: its chain continues after that step.

    Args:
        durations: the seconds by task or future (see `last_durations`). A missing one counts as 0.
    """

    def __init__(self, durations: Mapping[str, float]) -> None:
        self.durations = durations
        self._ranks: dict[str, float] = {}
        self._after_current = 0.0

    def plan(self, steps: Iterable[PlannedStep]) -> None:
        """Rank the steps of a plan."""
        if self.durations:
            planned = {step.task: step for step in steps}
            needs = {task: step.needs for task, step in planned.items()}
            seconds = {task: self._own(step) for task, step in planned.items()}
            self._ranks |= remaining_paths(needs, seconds)

    def step_begins(self, planned: PlannedStep) -> None:
        """Record which step of the main line runs now."""
        self._after_current = self.of_step(planned) - self._own(planned)

    def of_step(self, planned: PlannedStep) -> float:
        """Return the rank (s) of a step."""
        return self._ranks.get(planned.task, 0.0)

    def of_future(self, name: str) -> float:
        """Return the rank (s) of a future that the current step starts."""
        return self.durations.get(name, 0.0) + self._after_current

    def _own(self, planned: PlannedStep) -> float:
        return self.durations.get(planned.step.name if planned.is_future else planned.task, 0.0)
