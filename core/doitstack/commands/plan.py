"""`doit plan`: what a stack will do, in order."""

from typing import Any

from doitstack.commands.show import StackCommand
from doitstack.directory import StackDirectory
from doitstack.reports import tables


class Plan(StackCommand):
    """`doit plan`."""

    doc_purpose = "show phases, plugins, steps, futures and where they are waited for"

    def show(self, directory: StackDirectory, params: Any) -> str:
        """Return the plan of `doit stack`."""
        return tables.plan_table(directory.plan(), directory.warnings())
