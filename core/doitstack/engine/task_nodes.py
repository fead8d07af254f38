"""The tasks of a run that the scheduler has, as doit's nodes."""

from collections.abc import Callable, Iterable

from doit.control import ExecNode
from doit.task import Task

from doitstack.engine.scheduled_task import scheduled_task
from doitstack.futures.run_context import RunContext
from doitstack.planning.doit_tasks import planned_step
from doitstack.planning.plan import PlannedStep


class TaskNodes:
    """Nodes by the names of their tasks; doit keeps the status of a task in its node."""

    def __init__(self, context: RunContext) -> None:
        self._priorities = context.priorities
        self._scheduler = context.scheduler
        self._parallel = context.options.parallel
        self._nodes: dict[str, ExecNode] = {}

    def add(self, tasks: Iterable[Task], needs: Callable[[Task], Iterable[str]]) -> None:
        """Add the tasks that are new, to the scheduler too; `needs` returns those of a task."""
        new = [task for task in tasks if task.name not in self._nodes]
        self._nodes |= {task.name: ExecNode(task, None) for task in new}
        self._priorities.plan(step for step in map(planned_step, new) if step)
        rank = self._priorities.of_step
        self._scheduler.add(
            *(scheduled_task(task, needs(task), rank, parallel=self._parallel) for task in new)
        )

    def __getitem__(self, name: str) -> ExecNode:
        return self._nodes[name]

    def __contains__(self, name: str) -> bool:
        return name in self._nodes

    def step_of(self, name: str) -> PlannedStep | None:
        """Return the step of the task `name`; None if it has no step or is not in the run."""
        return planned_step(self._nodes[name].task) if name in self._nodes else None

    @property
    def steps(self) -> list[PlannedStep]:
        """The steps of the run so far."""
        planned = (planned_step(node.task) for node in self._nodes.values())
        return [step for step in planned if step]
