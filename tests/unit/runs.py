"""Journals for tests, written by hand: their times are round numbers of seconds."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from doitstack.journal.event_codec import encode
from doitstack.journal.events import (
    Collected,
    Event,
    FutureEnd,
    FutureStart,
    RunEnd,
    RunStart,
    StepEnd,
    StepEvent,
    StepNotRun,
    StepSkipped,
    StepStart,
    WaitStart,
)
from doitstack.journal.run_record import RunRecord, record_of
from doitstack.journal.status import Status
from doitstack.steps import Kind

StepT = TypeVar("StepT", bound=StepEvent)


def run_start(time: float, **fields: Any) -> Event:
    """Return the start of a run of `stack` on two cores."""
    return RunStart(time=time, **{"tasks": ("stack",), "cores": 2, **fields})


def step(time: float, name: str, kind: str = "run", **more: Any) -> StepStart:
    """Return the start of a step of the plugin `p` in `stack install`."""
    return _step(StepStart, time, name, kind=Kind(kind), **more)


def step_skipped(time: float, name: str, kind: str = "run", **more: Any) -> StepSkipped:
    """Return that such a step is up to date."""
    return _step(StepSkipped, time, name, kind=Kind(kind), **more)


def step_not_run(time: float, name: str, kind: str = "run", **more: Any) -> StepNotRun:
    """Return that such a step never had its turn."""
    return _step(StepNotRun, time, name, kind=Kind(kind), **more)


def _step(event: type[StepT], time: float, name: str, **more: Any) -> StepT:
    place = {"phase": "stack install", "plugin": "p", "step": name}
    return event(**{"task": f"stack:install:p:{name}", **place, **more}, time=time)


def step_end(time: float, name: str, status: str = "done", **more: Any) -> Event:
    """Return the end of such a step."""
    return StepEnd(f"stack:install:p:{name}", Status(status), time=time, **more)


def future_start(time: float, name: str, **more: Any) -> Event:
    """Return the start of a future."""
    return FutureStart(name, time=time, **{"pid": 1, "command": f"make_{name}", **more})


def future_end(time: float, name: str, start: float, end: float, rc: int = 0, **more: Any) -> Event:
    """Return the end of a future, seen at `time`."""
    return FutureEnd(name, rc, start, end, time=time, **more)


def collected(time: float, name: str, waited: float, rc: int = 0, **more: Any) -> Event:
    """Return the end of a wait."""
    return Collected(name, rc, waited, time=time, **more)


def run_end(time: float, code: int = 0, cpu: float = 1.0) -> Event:
    """Return the end of a run."""
    return RunEnd(code, cpu, time=time)


# The main line works 2 s, starts a future of 10 s, works 3 s beside it, waits for it for 7 s, and
# works 1 s more; a step was up to date.
ONE_FUTURE = [
    run_start(100),
    step_skipped(100, "good"),
    step(100, "first", log=0),
    step_end(102, "first", log=50),
    step(102, "a", "async_run", needs=("stack:install:p:first",)),
    future_start(102, "a"),
    step(102, "second", needs=("stack:install:p:first",), log=60),
    step_end(105, "second", log=70),
    WaitStart("a", time=105),
    future_end(112, "a", 102, 112, cpu=9.0),
    collected(112, "a", 7.0, log=(80, 95)),
    step(112, "async_wait-a", "async_wait", waits=("a",), log=100),
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
    path.write_bytes(b"".join(encode(event, event.time) for event in events))
    return path
