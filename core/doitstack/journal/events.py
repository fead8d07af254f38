"""The kinds of event in a run's journal, and the line of JSON that holds one.

In memory all times are in s since the epoch and all durations in s. A line holds its time, the name
of its event, and the event's fields; some of them are in ms there.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from functools import cache
from typing import Any, ClassVar, NamedTuple, NoReturn, Self

from doitstack.journal.status import Status
from doitstack.planning.plan import PlannedStep
from doitstack.steps import Kind


def _optional(default: str | None = None) -> Any:
    """Return a field that a line leaves out if it is empty."""
    return field(default=default, metadata={"is_optional": True})


def _milliseconds(key: str) -> Any:
    """Return a field in s that a line holds in whole ms, as `key`."""
    return field(metadata={"milliseconds": key})


@dataclass(frozen=True)
class Event:
    """Something that happened in a run. The journal sets `time` when it writes the event."""

    event: ClassVar[str]
    time: float = field(default=0.0, kw_only=True)


# -- the run -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RunStart(Event):
    """A run starts: at most `jobs` futures at once (0: any number) on `cores` processors."""

    event = "run_start"
    tasks: tuple[str, ...] = ()
    pid: int = 0
    parallel: bool = True
    jobs: int = 0
    cores: int = 1


@dataclass(frozen=True)
class RunEnd(Event):
    """The run has ended with exit code `code`, after `cpu` s of CPU time."""

    event = "run_end"
    code: int
    cpu: float = 0.0


@dataclass(frozen=True)
class Usage(Event):
    """CPU time (s) so far: of the run, and of the whole machine since its boot."""

    event = "usage"
    cpu: float
    machine: float | None = None


@dataclass(frozen=True)
class ComponentTime(Event):
    """An action or script has measured how long a component took."""

    event = "time"
    component: str
    seconds: float = _milliseconds("milliseconds")


@dataclass(frozen=True)
class Warned(Event):
    """The run has shown a warning, which it repeats at its end."""

    event = "warning"
    text: str


# -- steps ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StepEvent(Event):
    """A step has its turn.

    `task` is its name for doit, `waits` the futures that it waits for, `needs` the tasks that it
    depends on.
    """

    task: str
    phase: str = ""
    plugin: str = ""
    step: str = ""
    kind: Kind = Kind.RUN
    waits: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    @classmethod
    def of(cls, planned: PlannedStep) -> Self:
        """Return this event for a step of the plan."""
        return cls(
            task=planned.task,
            phase=planned.phase.value,
            plugin=planned.plugin,
            step=planned.step.name,
            kind=planned.step.kind,
            waits=planned.step.waits,
            needs=planned.needs,
        )


@dataclass(frozen=True)
class StepStart(StepEvent):
    """A step starts. `log` is the byte in `stack.log` at which its output begins."""

    event = "step_start"
    log: int | None = _optional()


@dataclass(frozen=True)
class StepSkipped(StepEvent):
    """A step is up to date."""

    event = "step_skipped"


@dataclass(frozen=True)
class StepNotRun(StepEvent):
    """The run has ended before the step's turn."""

    event = "step_not_run"


@dataclass(frozen=True)
class StepEnd(Event):
    """A step of the main line has ended, or a future could not be started.

    `log` is the byte in `stack.log` at which its output ends. If it failed because a future had
    failed, `future` is the name of that.
    """

    event = "step_end"
    task: str
    status: Status
    log: int | None = None
    error: str | None = None
    future: str = _optional("")


# -- futures -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FutureEvent(Event):
    """Something happened to the future `name`."""

    name: str


@dataclass(frozen=True)
class FutureQueued(FutureEvent):
    """A future waits for a slot or for its lock."""

    event = "future_queued"
    command: str = ""
    lock: str = ""


@dataclass(frozen=True)
class FutureStart(FutureEvent):
    """A future runs. `pid` is 0 if it runs in the bash session itself."""

    event = "future_start"
    pid: int = 0
    command: str = ""
    lock: str = _optional("")


@dataclass(frozen=True)
class FutureEnd(FutureEvent):
    """A future has ended. The event's own time is when the run noticed.

    `error` is the reason if it failed. One that never started has its end as its start.
    """

    event = "future_end"
    rc: int
    start_time: float = _milliseconds("start_time")
    end_time: float = _milliseconds("end_time")
    cpu: float = 0.0
    error: str | None = None


@dataclass(frozen=True)
class FutureStopped(FutureEvent):
    """A future was ended because the run ends."""

    event = "future_stopped"


@dataclass(frozen=True)
class FutureCancelled(FutureEvent):
    """A future was cancelled before it started."""

    event = "future_cancelled"


# -- waits ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WaitStart(Event):
    """The main line waits for the future `name`, or for any (empty)."""

    event = "wait_start"
    name: str = ""


@dataclass(frozen=True)
class WaitEnd(Event):
    """The main line no longer waits, and has collected nothing."""

    event = "wait_end"


@dataclass(frozen=True)
class Collected(FutureEvent):
    """The main line has collected a future after it had waited `waited` s for it.

    `log` is the first and the last byte of its output in `stack.log`.
    """

    event = "collected"
    rc: int
    waited: float = 0.0
    log: tuple[int, int] | None = None


_EVENTS: dict[str, type[Event]] = {
    kind.event: kind
    for kind in (
        *(RunStart, RunEnd, Usage, ComponentTime, Warned),
        *(StepStart, StepSkipped, StepNotRun, StepEnd),
        *(FutureQueued, FutureStart, FutureEnd, FutureStopped, FutureCancelled),
        *(WaitStart, WaitEnd, Collected),
    )
}


# -- lines ---------------------------------------------------------------------------------------


class _Format(NamedTuple):
    """How a line holds a value: JSON of `types`, with conversions if the value differs."""

    types: frozenset[type]
    read: Callable[[Any], Any] | None = None
    write: Callable[[Any], Any] | None = None


def _enum(members: type[Enum]) -> _Format:
    by_value = {member.value: member for member in members}
    return _Format(frozenset({str}), by_value.__getitem__, lambda member: member.value)


def _strings(values: list[Any]) -> tuple[str, ...]:
    if any(type(value) is not str for value in values):
        raise TypeError
    return tuple(values)


def _pair(values: list[Any] | None) -> tuple[int, int] | None:
    if values is None:
        return None
    first, second = values
    if type(first) is not int or type(second) is not int:
        raise TypeError
    return first, second


_NONE = type(None)
_MILLISECONDS = _Format(frozenset({int}), lambda ms: ms / 1000, lambda s: round(s * 1000))
_FORMATS: dict[Any, _Format] = {
    str: _Format(frozenset({str})),
    str | None: _Format(frozenset({str, _NONE})),
    int: _Format(frozenset({int})),
    int | None: _Format(frozenset({int, _NONE})),
    bool: _Format(frozenset({bool})),
    float: _Format(frozenset({int, float}), write=lambda value: round(value, 4)),
    float | None: _Format(frozenset({int, float, _NONE})),
    tuple[str, ...]: _Format(frozenset({list}), _strings),
    tuple[int, int] | None: _Format(frozenset({list, _NONE}), _pair),
    Kind: _enum(Kind),
    Status: _enum(Status),
}


def _not_a_number(name: str) -> NoReturn:
    raise ValueError(name)


_to_json = json.JSONEncoder().encode
_from_json = json.JSONDecoder(parse_constant=_not_a_number).decode

_Write = tuple[str, str, bool, Callable[[Any], Any] | None]
"""An event's field, its key in a line, whether that leaves it out if empty, and the conversion."""

_Read = tuple[str, frozenset[type], Callable[[Any], Any] | None]
"""An event's field, the JSON types that it may have, and the conversion."""


@cache
def _formats(event: str) -> tuple[Sequence[_Write], Mapping[str, _Read]]:
    """Return how to write the fields of an event, and, by key, how to read them."""
    writing: list[_Write] = []
    reading: dict[str, _Read] = {"time": ("time", *_FORMATS[float][:2])}
    for each in fields(_EVENTS[event]):
        if each.name != "time":
            how = each.metadata
            types, read, write = _MILLISECONDS if "milliseconds" in how else _FORMATS[each.type]
            key = how.get("milliseconds", each.name)
            writing.append((each.name, key, "is_optional" in how, write))
            reading[key] = (each.name, types, read)
    return writing, reading


def encode(event: Event, time: float) -> bytes:
    """Return the line of an event that happens at `time` (s since the epoch)."""
    line: dict[str, Any] = {"time": round(time, 4), "event": event.event}
    values = vars(event)
    for name, key, is_optional, write in _formats(event.event)[0]:
        value = values[name]
        if not (is_optional and value in ("", None)):
            line[key] = write(value) if write else value
    return f"{_to_json(line)}\n".encode()


def decode(line: bytes) -> Event | None:
    """Return the event of a line, or None if it is damaged or of a kind that is not known here."""
    try:
        values = _from_json(line.decode())
        kind = values["event"]
        formats = _formats(kind)[1]
        known: dict[str, Any] = {}
        for key, value in values.items():
            if key in formats:
                name, types, read = formats[key]
                if type(value) not in types:
                    return None
                known[name] = read(value) if read else value
        return _EVENTS[kind](**known) if "time" in known else None
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
