"""Which of the futures that could start should: the one with the longest chain of work behind it.

Knows the plan's graph and what its parts took when they last ran; starts nothing.
"""

from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter

from doitstack.planning.plan import PlannedStep


def remaining_paths(
    steps: Iterable[PlannedStep], durations: Mapping[str, float]
) -> dict[str, float]:
    """Return, by task, the seconds of the longest chain of steps that begins with it.

    `durations` are those of `last_durations`. A step that they do not know counts as nothing.
    """
    planned = {step.task: step for step in steps}
    behind = dict.fromkeys(planned, 0.0)
    graph = {
        task: [need for need in step.needs if need in planned] for task, step in planned.items()
    }
    remaining: dict[str, float] = {}
    for task in reversed(list(TopologicalSorter(graph).static_order())):
        remaining[task] = behind[task] + _own(planned[task], durations)
        for need in graph[task]:
            behind[need] = max(behind[need], remaining[task])
    return remaining


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
            self._remaining = remaining_paths(steps, self._durations)

    def step_begins(self, planned: PlannedStep) -> None:
        """Hear which step of the main line runs now."""
        self._behind_current = self.of_step(planned) - _own(planned, self._durations)

    def of_step(self, planned: PlannedStep) -> float:
        """Return the remaining path (s) of a step."""
        return self._remaining.get(planned.task, 0.0)

    def of_future(self, name: str) -> float:
        """Return the remaining path (s) of a future that the current step starts."""
        return self._durations.get(name, 0.0) + self._behind_current
