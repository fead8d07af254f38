"""Translates doit's tasks and their ends for the scheduler."""

from collections.abc import Callable, Iterable

from doit.task import Task

from doitstack.planning.doit_tasks import planned_step
from doitstack.planning.plan import PlannedStep
from doitstack.scheduling import scheduler as scheduling
from doitstack.scheduling.scheduler import TaskState
from doitstack.steps import Kind

_KINDS = {
    Kind.RUN: scheduling.TaskKind.STEP,
    Kind.ASYNC_RUN: scheduling.TaskKind.FUTURE,
    Kind.ASYNC_WAIT: scheduling.TaskKind.WAIT,
}


def scheduled_task(
    task: Task, needs: Iterable[str], rank: Callable[[PlannedStep], float], *, parallel: bool
) -> scheduling.Task:
    """Return a task of doit for the scheduler. In a serial run it needs no lock.

    Args:
        needs: the names of the tasks that must end before.
        rank: returns the rank (s) of a step.
    """
    planned = planned_step(task)
    if not planned:
        return scheduling.Task(task.name, needs=tuple(needs))
    return scheduling.Task(
        task.name,
        _KINDS[planned.step.kind],
        tuple(needs),
        planned.step.lock if parallel else "",
        rank(planned),
        takes_slot=not planned.step.is_elsewhere,
        counts=planned.is_awaited or not planned.is_future,
        is_check=planned.step.only_looks,
    )


def end_state(run_status: str | None, *, tears_down: bool) -> TaskState:
    """Return the scheduler's state for a task that has ended with this `run_status` of doit."""
    if run_status == "failure":
        # A teardown continues after a failure; the run fails at its end.
        return TaskState.DONE if tears_down else TaskState.FAILED
    return TaskState.DONE if run_status == "successful" else TaskState.SKIPPED
