"""`doit futures`: the futures of the last run, or of the one going on."""

from typing import Any

from doitstack.commands.show import StackCommand
from doitstack.directory import StackDirectory
from doitstack.history import future_rows
from doitstack.reports import tables


class Futures(StackCommand):
    """`doit futures`."""

    doc_purpose = "show the futures of the last run and their state"

    def show(self, directory: StackDirectory, params: Any) -> str:
        """Return the futures, also of a run that goes on in another terminal."""
        stack = directory.stack
        return tables.futures_table(future_rows(stack.dest / "async", stack.log_dir))
