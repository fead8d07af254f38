"""`doit help`: the commands and tasks, or the help of one of them."""

import sys
from typing import Any

from doit.cmd_help import HELP_TASK
from doit.exceptions import InvalidCommand

from doitstack.cli.base import InterruptibleCommand, standard_output
from doitstack.cli.task_names import show_task_help


class Help(InterruptibleCommand):
    """`doit help`."""

    doc_purpose = "show the help of a command or task; without NAME, list them"
    doc_usage = "[COMMAND | TASK]"
    doc_description = "`doit help task` shows what a task in a dodo.py of your own may have."
    doc_examples = ("doit help", "doit help plan", "doit help stack")

    def execute(self, params: Any, args: list[str]) -> int:
        """Show the help. The exit code is 3 for a name that is unknown."""
        if len(args) > 1:
            raise InvalidCommand(f"help takes one name: {' '.join(args)}")
        if not args:
            code: int = self.other("run").show_help([])
            return code
        name = args[0]
        if name == "task":
            with standard_output("help"):
                sys.stdout.write(HELP_TASK)
            return 0
        if name in self.commands:
            return int(self.other(name).show_help([]))
        return show_task_help(self.other("run"), name, params)
