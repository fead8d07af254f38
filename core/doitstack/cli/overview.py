"""The output of `doit help` and `doit --help`: all commands and the well-known tasks."""

from doitstack.cli import COMMANDS, command_class, command_name
from doitstack.cli.help_text import overview

TASKS = {
    "stack": "start the stack; `doit` alone does the same",
    "unstack": "stop everything that was started",
    "tempest": "run the Tempest tests, or those that match a REGEX",
}


def overview_text() -> str:
    """Return the overview."""
    purposes = {command_name(name): command_class(name).doc_purpose for name in COMMANDS}
    return overview(purposes, TASKS)
