"""All that a `dodo.py` needs: `from doitstack.dodo import *`.

doit finds here the functions that make tasks. They use the stack directory that is the current
directory.
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
    """Return DOIT_CONFIG once it is asked for: it depends on the settings."""
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
    """Stand up the stack."""
    yield from loaded().stack_tasks()


def task_unstack() -> Iterator[Task]:
    """Stop what runs."""
    yield from loaded().unstack_tasks()


def task__clean() -> Iterator[Task]:
    """Remove what was made."""
    yield from loaded().clean_tasks()


def task_offered() -> Iterator[Task]:
    """Tasks that plugins offer by name."""
    yield from loaded().offered_tasks()
