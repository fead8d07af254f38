"""All that a `dodo.py` needs: `from doitstack.dodo import *`.

What doit finds here are the creators of tasks; they look at the stack directory that doit has
made the current one.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from doit import create_after
from doit.exceptions import InvalidDodoFile
from doit.task import Task

from doitstack.errors import DoitstackError
from doitstack.phases import Phase
from doitstack.planning.doit_tasks import Stage, offered_task, plan_tasks, stack_tasks
from doitstack.planning.stack_directory import StackDirectory

__all__ = [  # noqa: F822 - DOIT_CONFIG comes from __getattr__
    "DOIT_CONFIG",
    "task__clean",
    "task_offered",
    "task_override_defaults",
    "task_source",
    "task_stack",
    "task_unstack",
]

CLEAN = "_clean"
"""The task of the clean phase; `clean` itself is a command of doit."""


class LoadedDirectory:
    """A stack directory with the stage on which its tasks will run."""

    def __init__(self, top_dir: Path) -> None:
        self.directory = StackDirectory(top_dir)
        self.stage = Stage()


@cache
def _load(top_dir: Path) -> LoadedDirectory:
    return LoadedDirectory(top_dir)


def loaded() -> LoadedDirectory:
    """Return the stack directory that is the current directory. Raises InvalidDodoFile."""
    try:
        return _load(Path.cwd())
    except DoitstackError as error:
        raise InvalidDodoFile(str(error)) from error


def __getattr__(name: str) -> Any:
    """Give DOIT_CONFIG when it is asked for: it depends on the settings."""
    if name != "DOIT_CONFIG":
        raise AttributeError(name)
    dest = loaded().directory.stack.dest
    return {
        "default_tasks": ["stack"],
        "dep_file": str(dest / ".doit.db"),
        "backend": "json",
        "verbosity": 2,
    }


def task_override_defaults() -> Iterator[Task]:
    """Let plugins change defaults."""
    yield from _settings_tasks(Phase.OVERRIDE_DEFAULTS)


def task_source() -> Iterator[Task]:
    """Let plugins set their own defaults and enable services."""
    yield from _settings_tasks(Phase.SOURCE)


def _settings_tasks(phase: Phase) -> Iterator[Task]:
    here = loaded()
    plan = _or_mistake(lambda: here.directory.settings_plan)
    part = type(plan)(plan.of_phase(phase))
    tasks = list(plan_tasks(phase.task, part, here.stage, doc=_doc(phase)))
    if phase is Phase.SOURCE:
        tasks[0].task_dep.append(Phase.OVERRIDE_DEFAULTS.task)
        # A mistake in any later phase is better told now.
        _or_mistake(here.directory.check)
    yield from tasks


@create_after(executed="source")
def task_stack() -> Iterator[Task]:
    """Stand up the stack."""
    here = loaded()
    plan = _or_mistake(here.directory.plan)
    yield from stack_tasks(plan, here.stage, doc="stand up the stack")


@create_after(executed="source")
def task_unstack() -> Iterator[Task]:
    """Stop what runs."""
    here = loaded()
    plan = _or_mistake(lambda: here.directory.plan([Phase.UNSTACK]))
    yield from plan_tasks("unstack", plan, here.stage, doc="stop what runs")


@create_after(executed="source")
def task__clean() -> Iterator[Task]:
    """Remove what was made."""
    here = loaded()
    plan = _or_mistake(lambda: here.directory.plan([Phase.CLEAN]))
    tasks = list(plan_tasks("clean", plan, here.stage, doc="remove what was made"))
    yield Task(CLEAN, None, task_dep=["unstack", "clean"])
    for task in tasks:
        task.task_dep.insert(0, "unstack")
    yield from tasks


def task_offered() -> Iterator[Task]:
    """Tasks that plugins offer by name."""
    here = loaded()
    offers = _or_mistake(here.directory.tasks)
    for plugin, step in offers:
        yield offered_task(plugin, step, here.stage)


def _doc(phase: Phase) -> str:
    return {
        Phase.OVERRIDE_DEFAULTS: "let plugins change defaults",
        Phase.SOURCE: "let plugins set their defaults and enable services",
    }[phase]


def _or_mistake(function: Any) -> Any:
    """Call `function`; what is wrong before anything runs is doit's exit code 3."""
    try:
        return function()
    except DoitstackError as error:
        raise InvalidDodoFile(str(error)) from error
