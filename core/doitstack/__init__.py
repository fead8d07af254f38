"""doitstack: a development OpenStack as doit tasks. This is all that a plugin imports."""

# Import the package of that name first: from here on `doitstack.bash` is the action.
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
