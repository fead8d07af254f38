"""`doit services`: the services of the stack."""

from collections.abc import Mapping, Sequence
from typing import Any

from doitstack.cli.base import JSON, ShowCommand, width
from doitstack.config.dest_directory import holder
from doitstack.journal.last_run import last_run
from doitstack.planning.stack_directory import StackDirectory
from doitstack.processes.left_running import LeftProcess
from doitstack.reports import tables
from doitstack.reports.json_lists import services_json
from doitstack.services.services import ServiceState, ServiceStatus


class Services(ShowCommand):
    """`doit services`."""

    doc_purpose = "show the processes that the stack keeps running"
    doc_examples = ("doit services", "doit services --json")

    cmd_options = (JSON,)

    def show(self, directory: StackDirectory, params: Any) -> str:
        """Return name, state, pid, ports and log of each, and what steps have left running."""
        services = directory.stack.services
        ports = services.ports()
        status = unless_all_stopped(services.status(), ports)
        left = left_by_earlier_runs(directory)
        if params["json"]:
            return services_json(status, ports, left)
        others = (f"{other}\n" for other in directory.stack.others_of_directory() if other.names)
        services_table = tables.services_table(status, ports, width())
        return "".join([services_table, tables.left_table(left, width()), *others])


def left_by_earlier_runs(directory: StackDirectory) -> list[LeftProcess]:
    """Return the processes that steps have left running; not those of a run that goes on."""
    stack = directory.stack
    run = last_run(stack.log_dir) if holder(stack.dest) else None
    return [one for one in stack.left_running() if not run or one.run not in ("", run.stem)]


def unless_all_stopped(
    services: Sequence[ServiceStatus], ports: Mapping[str, Sequence[int]]
) -> Sequence[ServiceStatus]:
    """Return the services, or none of them if all are stopped, as after `doit unstack`."""
    is_any_there = ports or any(one.state is not ServiceState.STOPPED for one in services)
    return services if is_any_there else ()
