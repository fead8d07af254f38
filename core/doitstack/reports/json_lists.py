"""The output of `--json`: lists of objects, one for each row of the table. Times are in s."""

import json
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from doitstack.phases import Phase
from doitstack.planning.plan import Plan
from doitstack.planning.plugin import Plugin, sort_plugins

if TYPE_CHECKING:  # `doit list` reads no journal
    from doitstack.journal.last_run import FutureRow
    from doitstack.journal.log_files import NamedLog
    from doitstack.journal.run_list import RunRow
    from doitstack.planning.code_origins import CodeOrigin
    from doitstack.processes.left_running import LeftProcess
    from doitstack.services.services import ServiceStatus


def list_json(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return a list of objects as text."""
    return json.dumps(list(rows), indent=2) + "\n"


def tasks_json(rows: Iterable[tuple[str, str]]) -> str:
    """Return tasks, each given as its name and its description."""
    return list_json({"task": name, "description": description} for name, description in rows)


def plan_json(plans: Mapping[str, Plan], origins: Iterable["CodeOrigin"] = ()) -> str:
    """Return the steps of the plans of hosts, in order.

    Each step `install_PLUGIN` of the first host, which is this one, has the origins of code.
    """
    here, code = next(iter(plans)), dict[str, list[Any]]()
    for one in origins:
        code.setdefault(f"{one.plugin}: install_{one.plugin}", []).append(one.as_json())
    return list_json(
        {
            "host": host,
            "task": planned.task,
            "phase": planned.phase.value,
            "plugin": planned.plugin,
            "step": planned.step.name,
            "kind": planned.step.kind.value,
            "waits": list(planned.step.waits),
            "needs": list(planned.needs),
            "is_awaited": planned.is_awaited,
            "code": code.get(f"{planned.plugin}: {planned.step.name}", []) if host == here else [],
            "note": planned.step.note,
        }
        for host, plan in plans.items()
        for planned in plan.steps
    )


def plugins_json(plugins: Iterable[Plugin]) -> str:
    """Return the plugins in stacking order."""
    stacking = list(plugins)
    teardown = [plugin.name for plugin in sort_plugins(stacking, Phase.UNSTACK)]
    return list_json(
        {
            "plugin": plugin.name,
            "stack": number,
            "unstack": teardown.index(plugin.name) + 1,
            "found_in": plugin.origin,
            "hooks": list(plugin.hooks),
        }
        for number, plugin in enumerate(stacking, start=1)
    )


def futures_json(rows: "Iterable[FutureRow]") -> str:
    """Return the futures of a run."""
    return list_json(
        {
            "future": row.name,
            "state": row.state.value,
            "lock": row.lock or None,
            "pid": row.pid,
            "seconds": round(row.seconds, 3),
            "rc": row.rc,
            "log": str(row.log) if row.log.exists() else None,
        }
        for row in rows
    )


def service_rows(
    services: Iterable["ServiceStatus"],
    ports: Mapping[str, Sequence[int]],
    left: Iterable["LeftProcess"] = (),
    code: Mapping[str, "CodeOrigin"] = MappingProxyType({}),
) -> list[Mapping[str, Any]]:
    """Return the services with the ports on which they listen, and what steps have left running.

    The latter have the state `left`. `code` are the origins of the services' code.
    """
    rows: list[Mapping[str, Any]] = [
        {
            "service": status.name,
            "state": status.state.name.lower(),
            "pid": status.pid,
            "ports": list(ports.get(status.name, ())),
            "code": code[status.name].as_json() if status.name in code else None,
            "log": str(status.log),
        }
        for status in services
    ]
    rows += [
        {
            "service": one.name,
            "state": "left",
            "pid": one.pid,
            "ports": [],
            "code": None,
            "log": None,
        }
        for one in left
    ]
    return rows


def logs_json(logs: "Iterable[NamedLog]") -> str:
    """Return the logs."""
    return list_json({"log": log.name, "of": log.of.value, "file": str(log.path)} for log in logs)


def runs_json(rows: "Iterable[RunRow]") -> str:
    """Return the recorded runs, the last one at the end."""
    return list_json(
        {
            "run": row.name,
            "start": row.start,
            "tasks": list(row.tasks),
            "seconds": row.seconds,
            "code": row.code,
        }
        for row in rows
    )
