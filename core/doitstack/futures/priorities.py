"""Which of the futures that could start should: the one with the longest chain of work behind it.

Knows the plan's graph and what its parts took when they last ran; starts nothing.
"""

from collections.abc import Iterable, Mapping

from doitstack.planning.plan import PlannedStep
from doitstack.scheduling.priorities import remaining_paths


def _own(planned: PlannedStep, durations: Mapping[str, float]) -> float:
    return durations.get(planned.step.name if planned.is_future else planned.task, 0.0)


class Order:
    """The order in which futures start, longest remaining path first.

    What a step starts while it runs is in no plan: behind it is what comes after that step.
    """

    def __init__(self, durations: Mapping[str, float]) -> None:
        self._durations = durations
        self._remaining: dict[str, float] = {}
        self._behind_current = 0.0

    def plan(self, steps: Iterable[PlannedStep]) -> None:
        """Hear what steps there are."""
        if self._durations:
            planned = {step.task: step for step in steps}
            self._remaining = remaining_paths(
                {task: step.needs for task, step in planned.items()},
                {task: _own(step, self._durations) for task, step in planned.items()},
            )

    def step_begins(self, planned: PlannedStep) -> None:
        """Hear which step of the main line runs now."""
        self._behind_current = self.of_step(planned) - _own(planned, self._durations)

    def of_step(self, planned: PlannedStep) -> float:
        """Return the remaining path (s) of a step."""
        return self._remaining.get(planned.task, 0.0)

    def of_future(self, name: str) -> float:
        """Return the remaining path (s) of a future that the current step starts."""
        return self._durations.get(name, 0.0) + self._behind_current
