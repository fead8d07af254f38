"""Tables of the plan, the plugins, the futures and the timing. Every function returns text."""

from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap
from types import MappingProxyType
from typing import TYPE_CHECKING

from doitstack.journal.last_run import FutureRow
from doitstack.journal.log_files import NamedLog
from doitstack.journal.run_list import RunRow
from doitstack.journal.timing import NOTICEABLE, Timing
from doitstack.phases import Phase
from doitstack.planning.plan import Plan, PlannedStep, end_elsewhere
from doitstack.planning.plugin import Plugin, sort_plugins
from doitstack.reports.columns import table
from doitstack.reports.formatting import brief_list, brief_name, short_path

if TYPE_CHECKING:  # importing it takes 50 ms
    from doitstack.planning.code_origins import CodeOrigin
    from doitstack.processes.left_running import LeftProcess
    from doitstack.services.services import ServiceStatus

_PHASES = [phase.value for phase in Phase]

_WIDE = 40
"""Characters of a cell with many names, before it goes on in the next line."""


def plan_table(
    plans: Mapping[str, Plan],
    warnings: Iterable[str] = (),
    width: int = 0,
    origins: Iterable["CodeOrigin"] = (),
) -> str:
    """Return phases, plugins and steps in order, and the steps that wait for futures.

    If there are `plans` of several hosts, hosts are in a column; those with the same plan share
    rows. Below the table are the `origins` of the services' code, and warnings.
    """
    column = ("host",) if len(plans) > 1 else ()
    headers = ("phase", *column, "plugin", "step", "what", "waits for", "waited for in")
    found = (
        (phase, *(host for _ in column), plugin, step, what, _narrow(waits, width), places)
        for host, rows in _rows_of_hosts(plans).items()
        for phase, plugin, step, what, waits, places in rows
    )
    rows = sorted(found, key=lambda row: _PHASES.index(row[0]))
    before = ["", *(row[0] for row in rows)]
    rows = [
        ("" if row[0] == last else row[0], *row[1:])
        for row, last in zip(rows, before, strict=False)
    ]
    text = table(rows, headers, width) if rows else "no steps"
    steps = [planned.step for plan in plans.values() for planned in plan.steps]
    notes = [f"{step.name}: {step.note}" for step in steps if step.note]
    code = [f"{one.plugin} runs {one.project} from: {one.text}" for one in origins]
    ends = (f"WARNING: {warning}" for warning in warnings)
    return "\n".join([text, *dict.fromkeys(notes), *code, *ends]) + "\n"


def _rows_of_hosts(plans: Mapping[str, Plan]) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Return the rows of each host, or of several with the same ones."""
    waited_in = _waited_in(plans)
    hosts: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for host, plan in plans.items():
        rows = tuple(
            (planned.phase.value, planned.plugin, *_step_cells(host, planned, waited_in))
            for planned in plan.steps
            if not end_elsewhere(planned, plans)
        )
        hosts.setdefault(rows, []).append(host)
    return {brief_list(names, 1): rows for rows, names in hosts.items()}


def _waited_in(plans: Mapping[str, Plan]) -> dict[tuple[str, str], list[str]]:
    """Return for each future of a host the places of main lines that wait for it, then futures."""
    places: dict[tuple[str, str], list[str]] = {}
    for host, plan in plans.items():
        ends = {one.step.name for one in plan.steps if end_elsewhere(one, plans)}
        for planned in sorted(plan.steps, key=lambda planned: planned.is_future):
            place = f"{planned.phase.value}: {planned.plugin}"
            place = planned.step.name if planned.is_future else place
            for name in planned.step.waits:
                future, _, other = name.partition("@")
                key, there = ((other, future), f"{host}: ") if name in ends else ((host, name), "")
                places.setdefault(key, []).append(f"{there}{place}")
    return places


def _step_cells(
    host: str, planned: PlannedStep, waited_in: Mapping[tuple[str, str], list[str]]
) -> tuple[str, str, str, str]:
    step = planned.step
    places = waited_in.get((host, step.name), ["(never)"]) if planned.is_future else []
    return brief_name(step, 1), step.kind.value, " ".join(step.waits), brief_list(places, 1)


def _narrow(names: str, width: int) -> str:
    """Return names in lines that leave room for other columns; in one line for a pipe."""
    if not width:
        return names
    return "\n".join(wrap(names, _WIDE, break_on_hyphens=False, break_long_words=False))


def plugins_table(plugins: Iterable[Plugin], width: int = 0) -> str:
    """Return the plugins, given in stacking order: their turns, where found, and their hooks."""
    stacking = list(plugins)
    teardown = [plugin.name for plugin in sort_plugins(stacking, Phase.UNSTACK)]
    rows = [
        (
            plugin.name,
            str(number),
            str(teardown.index(plugin.name) + 1),
            short_path(plugin.origin),
            " ".join(plugin.hooks),
        )
        for number, plugin in enumerate(stacking, start=1)
    ]
    if not rows:
        return "no plugins\n"
    return table(rows, ("plugin", "stack", "unstack", "found in", "hooks"), width) + "\n"


def _process(row: FutureRow) -> str:
    """Return the process of a future; the session itself is "self", and others have theirs."""
    if row.pid:
        return str(row.pid)
    return "" if row.pid is None or "@" in row.name else "self"


def futures_table(rows: Iterable[FutureRow], width: int = 0) -> str:
    """Return the futures of the last or current run."""
    cells = [
        (
            row.name,
            row.state_text,
            _process(row),
            f"{row.seconds:.1f}",
            "" if row.rc is None else str(row.rc),
            short_path(row.log) if row.log.exists() else "",
        )
        for row in rows
    ]
    if not cells:
        return "no futures\n"
    return table(cells, ("future", "state", "pid", "seconds", "rc", "log"), width) + "\n"


def logs_table(logs: Iterable[NamedLog], width: int = 0) -> str:
    """Return the logs there are, by name."""
    rows = [(log.name, log.of.value, short_path(log.path)) for log in logs]
    return (table(rows, ("log", "of", "file"), width) if rows else "no logs") + "\n"


def services_table(
    services: Iterable["ServiceStatus"],
    ports: Mapping[str, Sequence[int]],
    width: int = 0,
    code: Mapping[str, "CodeOrigin"] = MappingProxyType({}),
) -> str:
    """Return the services of the stack, with the `ports` on which each listens.

    The `code` of each is in a column if that of any is known.
    """
    rows = [
        {
            "service": status.name,
            "state": status.state.name.lower(),
            "pid": str(status.pid or ""),
            "port": " ".join(map(str, ports.get(status.name, ()))),
            **({"code": code[status.name].brief if status.name in code else ""} if code else {}),
            "log": short_path(status.log),
        }
        for status in services
    ]
    if not rows:
        return "no services\n"
    return table([tuple(row.values()) for row in rows], tuple(rows[0]), width) + "\n"


def left_table(processes: Iterable["LeftProcess"], width: int = 0) -> str:
    """Return the processes that steps have left running; nothing if there are none."""
    rows = [(one.name, str(one.pid), one.future or "(a step)") for one in processes]
    if not rows:
        return ""
    return "\n" + table(rows, ("left running", "pid", "started by"), width) + "\n"


def runs_table(rows: Iterable[RunRow], width: int = 0) -> str:
    """Return the recorded runs, the last one at the end."""
    cells = [
        (row.name, f"doit {' '.join(row.tasks)}", f"{row.seconds:.1f}", row.result) for row in rows
    ]
    return (
        table(cells, ("run", "command", "seconds", "result"), width) if cells else "no runs"
    ) + "\n"


def timing_tables(timing: Timing, width: int = 0) -> str:
    """Return DevStack's two tables, and our further figures."""
    parts = [_components_table(timing, width)]
    if timing.is_parallel:
        parts.append(_async_table(timing, width))
    parts.append(_bounds_table(timing, width))
    return "\n\n".join(parts) + "\n"


def _components_table(timing: Timing, width: int) -> str:
    accounted = sum(timing.components.values())
    ordered = sorted(timing.components.items(), key=lambda item: -item[1])
    rows = [(name, f"{seconds:.1f}") for name, seconds in ordered]
    rows.append(("Unaccounted time", f"{max(0.0, timing.elapsed - accounted):.1f}"))
    rows.append(("Total runtime", f"{timing.elapsed:.1f}"))
    return table(rows, ("DevStack Component Timing", "seconds"), width)


def _async_table(timing: Timing, width: int) -> str:
    rows = [
        ("Time spent in the background minus waits", f"{timing.background - timing.wait:.1f}"),
        ("Elapsed time", f"{timing.elapsed:.1f}"),
        ("Time if we did everything serially", f"{timing.serial:.1f}"),
        ("Speedup", f"{timing.speedup:.2f} x"),
    ]
    return table(rows, ("Async summary", "seconds"), width)


def _bounds_table(timing: Timing, width: int) -> str:
    rows = [
        ("CPU time of the run and its services", f"{timing.cpu:.1f}"),
        ("Critical path", f"{timing.critical_path:.1f}"),
        (f"Lower bound on {timing.cores} cores", f"{timing.lower_bound:.1f}"),
    ]
    if timing.measured_speedup is not None:
        rows.append(("Measured against the last serial run", f"{timing.measured_speedup:.2f} x"))
    parts = [part for part in timing.critical_steps if part.seconds >= NOTICEABLE]
    longest = sorted(parts, key=lambda part: -part.seconds)[:5]
    rows += [(f"  on the critical path: {part.name}", f"{part.seconds:.1f}") for part in longest]
    return table(rows, ("What bounds it", "seconds"), width)
