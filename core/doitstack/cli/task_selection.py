"""Which tasks a command line selects, beyond what doit checks itself."""

from collections.abc import Sequence

from doit.control import TaskControl
from doit.exceptions import InvalidCommand

from doitstack.phases import STACK_PHASES, Phase
from doitstack.planning.stack_directory import StackDirectory


def refuse_unknown(directory: StackDirectory, names: Sequence[str]) -> None:
    """Raise InvalidCommand for a step that is in no plan: doit would silently run nothing."""
    plans = {
        "stack": STACK_PHASES,
        "unstack": (Phase.UNSTACK,),
        "clean": (Phase.CLEAN,),
    }
    for name in names:
        phases = plans.get(name.partition(":")[0], ())
        known = (
            {planned.task for planned in directory.plan(phases).steps} if ":" in name else {name}
        )
        if phases and name not in known | {phase.task for phase in phases}:
            raise InvalidCommand(not_found=name)


def forget_dependencies(control: TaskControl) -> None:
    """Do what doit's `--single` does: run the named tasks alone."""
    for name in control.selected_tasks:
        task = control.tasks[name]
        for single in task.task_dep if task.has_subtask else [name]:
            control.tasks[single].task_dep = []
