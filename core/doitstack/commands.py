"""The commands under the names that a stack directory's `pyproject.toml` or `doit.cfg` contains.

`[tool.doit.plugins.command]` has `run = "doitstack.commands:Run"`. Files of users contain these
names, so they must not change if code moves.
"""

import sys
from typing import Any

from doitstack.cli import COMMANDS, command_class


def show_exception(kind: Any, error: Any, trace: Any) -> None:
    """Show an unexpected exception, but not Ctrl-C before a command has begun."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


def __getattr__(name: str) -> Any:
    """Import a command on first use: each invocation needs one of them."""
    if name == "Loader":
        # doit makes its loader first.
        sys.excepthook = show_exception
        from doitstack.cli.loader import Loader  # noqa: PLC0415 - not for each command

        return Loader
    if name not in COMMANDS:
        raise AttributeError(name)
    return command_class(name)
