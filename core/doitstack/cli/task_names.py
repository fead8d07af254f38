"""The names of tasks: errors about unknown ones, with a suggestion, and the help of known ones."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from doit.exceptions import InvalidCommand
from doit.task import Task

from doitstack.cli.base import InterruptibleCommand, standard_output
from doitstack.phases import Phase
from doitstack.planning.doit_tasks import empty_phase, planned_step
from doitstack.planning.plugin import Plugin
from doitstack.suggestions import did_you_mean


def unknown_task(name: str, known: Iterable[str]) -> InvalidCommand:
    """Return the error about a word that is neither a command nor a task."""
    nearest = did_you_mean(name, known)
    return InvalidCommand(
        f"there is no command or task {name}{nearest or ';'} `doit help` lists the commands, "
        f"`doit list --all` the tasks"
    )


def known_names(command: InterruptibleCommand, tasks: Iterable[Any]) -> list[str]:
    """Return the names of all commands, phases and these tasks, without those that are internal."""
    phases = (phase.task for phase in Phase)
    shown = (task.name for task in tasks if not task.name.startswith("_"))
    return [*command.commands, *phases, *shown]


def refuse_unknown_tasks(command: InterruptibleCommand, names: Iterable[str]) -> None:
    """Raise InvalidCommand if one of `names` is none of the tasks that `command` has loaded."""
    known = known_names(command, command.task_list)
    for name in names:
        if name not in {task.name for task in command.task_list}:
            raise unknown_task(name, known)


def refuse_unknown_names(
    command: InterruptibleCommand, tasks: Iterable[Any], names: Iterable[str]
) -> None:
    """Raise InvalidCommand for a name that is no command, phase, task, target or pattern."""
    tasks = list(tasks)
    known = {*known_names(command, tasks), *(task.name for task in tasks)}
    targets = {target for task in tasks for target in task.targets}
    for name in names:
        if "*" not in name and name not in known | targets and not empty_phase(name):
            raise unknown_task(name, known)


def refuse_arguments(
    plugins: Iterable[Plugin], tasks: Iterable[Task], name: str, words: Sequence[str]
) -> None:
    """Raise InvalidCommand if the task `name` would refuse the words after it."""
    offered = filter(None, (planned_step(task) for task in tasks if task.name == name))
    owners = {planned.plugin for planned in offered} if words else set()
    for plugin in (one for one in plugins if one.name in owners):
        if mistake := plugin.argument_mistake(name, words):
            raise InvalidCommand(mistake)


def show_task_help(run: Any, name: str, params: Any) -> int:
    """Show the help of a task. Raises InvalidCommand if there is none of that name."""
    from doitstack.cli.help_text import DESCRIPTIONS, task_help  # noqa: PLC0415 - for help

    is_known = name in DESCRIPTIONS or empty_phase(name)
    doc = "" if is_known else _doc_of(run, name, params)
    with standard_output("help"):
        sys.stdout.write(task_help(name, doc, run.shown_options))
    return 0


def _doc_of(run: Any, name: str, params: Any) -> str:
    run.loader.setup(params)
    run.loader.load_doit_config()
    run.task_list = run.loader.load_tasks(cmd=run.other("list"), pos_args=[])
    refuse_unknown_tasks(run, [name])
    return next(task.doc or "" for task in run.task_list if task.name == name)
