"""Checks of the selected tasks in addition to doit's."""

from collections.abc import Iterator, Sequence

from doit.exceptions import InvalidCommand
from doit.task import Task

from doitstack.planning.doit_tasks import empty_phase

_LATE_TARGET = "_regex_target_"
"""The prefix of the tasks that doit makes for targets of tasks that are created late."""


def refuse_late_targets(selected: Sequence[str]) -> None:
    """Raise InvalidCommand for a target that only a task can make that does not exist yet."""
    for name in selected:
        if name.startswith(_LATE_TARGET):
            target = name.removeprefix(_LATE_TARGET).rpartition(":")[0]
            raise InvalidCommand(
                f"{target} is no task, and targets of tasks that are created late (create_after) "
                f"cannot be selected in a stack directory; use the name of the task"
            )


def empty_phases(selected: Sequence[str], tasks: Sequence[Task]) -> Iterator[Task]:
    """Yield a group for each selected phase in which no plugin has a step (yet)."""
    known = {task.name for task in tasks}
    for name in dict.fromkeys(selected):
        group = empty_phase(name) if name not in known else None
        if group:
            yield group
