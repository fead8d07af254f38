"""`doit plugins`: the plugins, their order, and where each was found."""

from typing import Any

from doitstack.cli.base import ShowCommand
from doitstack.planning.stack_directory import StackDirectory
from doitstack.reports import tables


class Plugins(ShowCommand):
    """`doit plugins`."""

    doc_purpose = "show the plugins, where each was found, and its hooks"
    doc_examples = ("doit plugins", "doit plugins --json")

    def show(self, directory: StackDirectory, params: Any) -> str:
        """Return the plugins in order."""
        return tables.plugins_table(directory.plugins)
