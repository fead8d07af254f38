"""A run as Chrome trace events, which Perfetto (ui.perfetto.dev) and chrome://tracing open.

The main line, each future, waits, concurrency and CPU are tracks. Times are in microseconds since
the start of the run.
"""

import json
from collections.abc import Iterator
from typing import Any

from doitstack.journal.load_curves import Point, concurrency, cores_of_machine, cores_of_run
from doitstack.journal.run_record import RunRecord
from doitstack.journal.step_record import StepRecord

_PROCESS = 1
_MAIN_LINE, _WAITS, _FIRST_FUTURE = 1, 2, 3

_TraceEvent = dict[str, Any]


def trace(run: RunRecord) -> str:
    """Return the run as JSON in the format of Chrome's trace events."""
    events = [*_names(run), *_main_line(run), *_futures(run), *_counters(run)]
    about = {
        "run": run.name,
        "tasks": " ".join(run.tasks),
        "cores": run.cores,
        "code": run.code,
    }
    lines = ",\n".join(json.dumps(event) for event in events)
    head = f'{{"displayTimeUnit": "ms", "otherData": {json.dumps(about)}, "traceEvents": ['
    return f"{head}\n{lines}\n]}}\n"


def _names(run: RunRecord) -> Iterator[_TraceEvent]:
    yield _metadata("process_name", 0, name=f"doit {' '.join(run.tasks)}")
    tracks = ["main line", "main line waits", *(step.name for step in _ran(run))]
    for number, name in enumerate(tracks, start=_MAIN_LINE):
        yield _metadata("thread_name", number, name=name)
        yield _metadata("thread_sort_index", number, sort_index=number)


def _metadata(what: str, thread: int, **arguments: Any) -> _TraceEvent:
    return {"ph": "M", "name": what, "pid": _PROCESS, "tid": thread, "args": arguments}


def _ran(run: RunRecord) -> list[StepRecord]:
    return [step for step in run.futures if step.was_run]


def _main_line(run: RunRecord) -> Iterator[_TraceEvent]:
    for step in run.main_line:
        yield _slice(run, _MAIN_LINE, step)
    for wait in run.waits if run.is_parallel else ():
        span = _span(run, wait.start, wait.end)
        name = f"wait for {wait.name or 'any future'}"
        yield {"ph": "X", "name": name, "cat": "wait", "pid": _PROCESS, "tid": _WAITS, **span}


def _futures(run: RunRecord) -> Iterator[_TraceEvent]:
    for number, step in enumerate(_ran(run), start=_FIRST_FUTURE):
        yield _slice(run, number, step)
        if step.collected is not None:
            # An arrow from the end of a future to where the main line collected it.
            flow = {"name": "collected", "cat": "wait", "id": number, "pid": _PROCESS}
            end, collected = _micros(run, step.end), _micros(run, step.collected)
            begin = max(_micros(run, step.start), end - 1)
            yield {"ph": "s", "tid": number, "ts": begin, **flow}
            yield {"ph": "f", "bp": "e", "tid": _MAIN_LINE, "ts": collected, **flow}


def _slice(run: RunRecord, thread: int, step: StepRecord) -> _TraceEvent:
    return {
        "ph": "X",
        "name": step.name,
        "cat": step.kind.value,
        "pid": _PROCESS,
        "tid": thread,
        **_span(run, step.start, step.end),
        "args": {
            "plugin": step.plugin,
            "phase": step.phase,
            "status": step.status.value,
            **({"rc": step.rc} if step.rc is not None else {}),
            **({"cpu": step.cpu} if step.cpu else {}),
            **({"command": step.command} if step.command else {}),
            **({"error": step.error} if step.error else {}),
        },
    }


def _span(run: RunRecord, start: float, end: float) -> _TraceEvent:
    """Return when a slice begins, and how long it is; ends are rounded as starts are."""
    begin = _micros(run, start)
    return {"ts": begin, "dur": max(0, _micros(run, end) - begin)}


def _micros(run: RunRecord, time: float) -> int:
    return max(0, round((time - run.start) * 1e6))


def _counters(run: RunRecord) -> Iterator[_TraceEvent]:
    yield from _counter(run, "running at once", concurrency(run))
    yield from _counter(run, "processors used by the run", cores_of_run(run))
    yield from _counter(run, "processors busy", cores_of_machine(run))


def _counter(run: RunRecord, name: str, points: tuple[Point, ...]) -> Iterator[_TraceEvent]:
    for point in points:
        yield {
            "ph": "C",
            "name": name,
            "pid": _PROCESS,
            "ts": _micros(run, point.time),
            "args": {"value": round(point.value, 3)},
        }
