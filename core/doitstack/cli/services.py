"""`doit services`: the services of the stack."""

from typing import Any

from doitstack.cli.base import ShowCommand
from doitstack.planning.stack_directory import StackDirectory
from doitstack.reports import tables


class Services(ShowCommand):
    """`doit services`."""

    doc_purpose = "show the processes that the stack keeps running"
    doc_examples = ("doit services", "doit services --json")

    def show(self, directory: StackDirectory, params: Any) -> str:
        """Return name, state, pid, ports and log of each."""
        services = directory.stack.services
        return tables.services_table(services.status(), services.ports())
