"""doitstack: a development OpenStack as doit tasks. These are the names that most plugins need."""

from doitstack.config.settings import Settings
from doitstack.hookspecs import hookimpl
from doitstack.stack import Stack
from doitstack.steps import Step, async_run, async_wait, run, shell

__all__ = [
    "Settings",
    "Stack",
    "Step",
    "async_run",
    "async_wait",
    "hookimpl",
    "run",
    "shell",
]
