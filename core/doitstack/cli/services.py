"""`doit services`: the services of the stack."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from doitstack.cli.base import JSON, ShowCommand, width
from doitstack.config.dest_lock import holder
from doitstack.config.hosts import Host, other_hosts
from doitstack.errors import StepError
from doitstack.journal.last_run import last_run
from doitstack.planning.code_origins import CodeOrigin, code_origins, origin_of_process
from doitstack.planning.stack_directory import StackDirectory
from doitstack.processes.left_running import LeftProcess
from doitstack.reports import tables
from doitstack.reports.json_lists import list_json, service_rows
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
        code = origins_of_services(directory, status)
        there = other_hosts(directory.settings)
        if params["json"]:
            rows = service_rows(status, ports, left, code)
            rows += (row for host in there for row in rows_of(directory, host))
            return list_json(rows)
        hosts = (table_of(directory, host) for host in there)
        others = (f"{other}\n" for other in directory.stack.others_of_directory() if other.names)
        services_table = tables.services_table(status, ports, width(), code)
        return "".join([services_table, tables.left_table(left, width()), *others, *hosts])


def table_of(directory: StackDirectory, host: Host) -> str:
    """Return the table of another host, or why there is none."""
    try:
        lines = asked(directory, host)
    except StepError as error:
        lines = [str(error)]
    return "\n".join((f"\n{host.name}:", *lines, ""))


def rows_of(directory: StackDirectory, host: Host) -> list[dict[str, Any]]:
    """Return the rows of another host, which name it."""
    try:
        rows = json.loads("\n".join(asked(directory, host, "--json")))
    except (StepError, ValueError) as error:
        rows = [{"error": str(error)}]
    return [{"host": host.name, **row} for row in rows]


def asked(directory: StackDirectory, host: Host, *options: str) -> list[str]:
    """Return the lines of `doit services` on another host. Raises StepError."""
    from doitstack.hosts.doit_on_host import ask_host  # noqa: PLC0415 - for hosts only

    lines: list[str] = []
    ask_host(directory.stack, host, ["services", *options], lines.append)
    return lines


def origins_of_services(
    directory: StackDirectory, services: Sequence[ServiceStatus]
) -> dict[str, CodeOrigin]:
    """Return the origin of the code of each service that runs from an environment of a plugin."""
    if not services:
        return {}
    origins = code_origins(directory.plugins, directory.stack)
    # The servers of commands run from the environment of a service, but not its code.
    names = [one.name for one in services if not one.name.startswith("warm-")]
    scripts = {name: directory.stack.services.script(name) for name in names}
    found = {name: origin_of_process(origins, script) for name, script in scripts.items()}
    return {name: origin for name, origin in found.items() if origin}


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
