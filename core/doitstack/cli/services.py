"""`doit services`: the services of the stack."""

from collections.abc import Mapping, Sequence
from typing import Any

from doitstack.cli.base import JSON, ShowCommand, width
from doitstack.planning.stack_directory import StackDirectory
from doitstack.reports import tables
from doitstack.reports.json_lists import services_json
from doitstack.services.services import ServiceState, ServiceStatus


class Services(ShowCommand):
    """`doit services`."""

    doc_purpose = "show the processes that the stack keeps running"
    doc_examples = ("doit services", "doit services --json")

    cmd_options = (JSON,)

    def show(self, directory: StackDirectory, params: Any) -> str:
        """Return name, state, pid, ports and log of each."""
        services = directory.stack.services
        ports = services.ports()
        status = unless_all_stopped(services.status(), ports)
        if params["json"]:
            return services_json(status, ports)
        return tables.services_table(status, ports, width())


def unless_all_stopped(
    services: Sequence[ServiceStatus], ports: Mapping[str, Sequence[int]]
) -> Sequence[ServiceStatus]:
    """Return the services, or none of them if all are stopped, as after `doit unstack`."""
    is_any_there = ports or any(one.state is not ServiceState.STOPPED for one in services)
    return services if is_any_there else ()
