"""The contents of a `dodo.py`: `from doitstack.dodo import *`.

doit calls these functions to make tasks. They use the current directory as the stack directory.
"""

from collections.abc import Iterator
from typing import Any

from doit.task import Task

from doitstack.phases import Phase
from doitstack.planning.loaded_directory import loaded
from doitstack.planning.restart import restart_if_elsewhere

__all__ = [  # noqa: F822 - DOIT_CONFIG comes from __getattr__
    "DOIT_CONFIG",
    "task__clean",
    "task_offered",
    "task_override_defaults",
    "task_source",
    "task_stack",
    "task_unstack",
]

restart_if_elsewhere()


def __getattr__(name: str) -> Any:
    """Return DOIT_CONFIG on first use: it depends on the settings."""
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
    yield from loaded().settings_tasks(Phase.OVERRIDE_DEFAULTS)


def task_source() -> Iterator[Task]:
    """Let plugins set their own defaults and enable services."""
    yield from loaded().settings_tasks(Phase.SOURCE)


def task_stack() -> Iterator[Task]:
    """Start the stack."""
    yield from loaded().stack_tasks()


def task_unstack() -> Iterator[Task]:
    """Stop the stack."""
    yield from loaded().unstack_tasks()


def task__clean() -> Iterator[Task]:
    """Remove what the stack has created."""
    yield from loaded().clean_tasks()


def task_offered() -> Iterator[Task]:
    """Tasks that plugins offer by name."""
    yield from loaded().offered_tasks()
