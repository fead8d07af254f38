"""doitstack: a development OpenStack as doit tasks. These are the names that most plugins need.

They are imported on first use: doit imports this package first, and Ctrl-C prints a traceback until
the loader runs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_MODULES = {"Settings": "config.settings", "Stack": "stack", "hookimpl": "hookspecs"}
"""The modules of the names that are not in `steps`."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'steps')}"), name)
