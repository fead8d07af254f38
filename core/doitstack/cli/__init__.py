"""The command line: the commands of `doit` in a stack directory, and of `python -m doitstack`."""

from importlib import import_module
from typing import Any

_OF_DOIT = ("List", "Info", "Forget", "Ignore", "ResetDep", "DumpDB", "Strace", "TabCompletion")
"""Commands of doit that are only a little different here; they are in one module."""

COMMANDS = (
    *("Run", "Clean", "Plan", "Futures", "Log", "Timing", "Plugins", "Services"),
    *("Restart", "Help"),
    *_OF_DOIT,
)
"""The commands of `doit`: the names of their classes in `doitstack.commands`."""


def command_name(command: str) -> str:
    """Return what users type for a command of COMMANDS."""
    return "reset-dep" if command == "ResetDep" else command.lower()


def command_class(command: str) -> Any:
    """Import and return the class of a command of COMMANDS."""
    module = "doit_commands" if command in _OF_DOIT else command.lower()
    return getattr(import_module(f"doitstack.cli.{module}"), command)
