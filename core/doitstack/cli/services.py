"""`doit services`: the services of the stack."""

from typing import Any

from doitstack.cli.base import JSON, ShowCommand, width
from doitstack.planning.stack_directory import StackDirectory
from doitstack.reports import tables
from doitstack.reports.json_lists import services_json


class Services(ShowCommand):
    """`doit services`."""

    doc_purpose = "show the processes that the stack keeps running"
    doc_examples = ("doit services", "doit services --json")

    cmd_options = (JSON,)

    def show(self, directory: StackDirectory, params: Any) -> str:
        """Return name, state, pid, ports and log of each."""
        services = directory.stack.services
        status, ports = services.status(), services.ports()
        if params["json"]:
            return services_json(status, ports)
        return tables.services_table(status, ports, width())
