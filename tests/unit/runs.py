"""Journals for tests, written by hand: their times are round numbers of seconds."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from doitstack.journal.raw_events import Event
from doitstack.journal.run_record import RunRecord, record_of


def event(time: float, kind: str, /, **fields: Any) -> Event:
    """Return an event."""
    return Event(time, kind, fields)


def run_start(time: float, **fields: Any) -> Event:
    """Return the start of a run of `stack` on two cores."""
    return event(
        time, "run_start", **{"tasks": ["stack"], "parallel": True, "cores": 2, "jobs": 0, **fields}
    )


def step(time: float, name: str, kind: str = "run", what: str = "step_start", **more: Any) -> Event:
    """Return the start of a step of the plugin `p` in `stack install`."""
    fields = {
        "task": f"stack:install:p:{name}",
        "phase": "stack install",
        "plugin": "p",
        "step": name,
        "kind": kind,
        "waits": [],
        "needs": [],
    }
    return event(time, what, **{**fields, **more})


def step_end(time: float, name: str, status: str = "done", **more: Any) -> Event:
    """Return the end of such a step."""
    return event(time, "step_end", task=f"stack:install:p:{name}", status=status, **more)


def future_start(time: float, name: str) -> Event:
    """Return the start of a future."""
    return event(time, "future_start", name=name, pid=1, command=f"make_{name}")


def future_end(time: float, name: str, start: float, end: float, **more: Any) -> Event:
    """Return the end of a future, seen at `time`."""
    fields = {"rc": 0, "cpu": 0.0, **more}
    times = {"start_time": int(start * 1000), "end_time": int(end * 1000)}
    return event(time, "future_end", name=name, **times, **fields)


def collected(time: float, name: str, waited: float, **more: Any) -> Event:
    """Return the end of a wait."""
    return event(time, "collected", name=name, waited=waited, **{"rc": 0, **more})


def run_end(time: float, code: int = 0, cpu: float = 1.0) -> Event:
    """Return the end of a run."""
    return event(time, "run_end", code=code, cpu=cpu)


# The main line works 2 s, starts a future of 10 s, works 3 s beside it, waits for it for 7 s, and
# works 1 s more; a step was up to date.
ONE_FUTURE = [
    run_start(100),
    step(100, "good", what="step_skipped"),
    step(100, "first", log=0),
    step_end(102, "first", log=50),
    step(102, "a", "async_run", needs=["stack:install:p:first"]),
    future_start(102, "a"),
    step(102, "second", needs=["stack:install:p:first"], log=60),
    step_end(105, "second", log=70),
    event(105, "wait_start", name="a"),
    future_end(112, "a", 102, 112, cpu=9.0),
    collected(112, "a", 7.0, log=[80, 95]),
    step(112, "async_wait-a", "async_wait", waits=["a"], log=100),
    step_end(112, "async_wait-a", log=100),
    step(112, "last", log=100),
    step_end(113, "last", log=120),
    run_end(113, cpu=15.0),
]


def record(events: Iterable[Event], name: str = "now") -> RunRecord:
    """Return the run of these events."""
    run = record_of(name, events)
    assert run
    return run


def write_journal(log_dir: Path, name: str, events: Iterable[Event]) -> Path:
    """Write the journal of a run."""
    path = log_dir / "runs" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"time": e.time, "event": e.kind, **e.fields}) for e in events]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path
