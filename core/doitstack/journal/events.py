"""The kinds of event in a run's journal.

All times are in s since the epoch and all durations in s. `event_codec` writes an event as a line
and reads it.
"""

from dataclasses import field
from typing import Any, ClassVar, Self

from doitstack.journal.status import Status
from doitstack.planning.plan import PlannedStep
from doitstack.records import Record
from doitstack.steps import Kind


def _optional(default: str | None = None) -> Any:
    """Return a field that is left out of the line if it is empty."""
    return field(default=default, metadata={"is_optional": True})


def _milliseconds(key: str) -> Any:
    """Return a field in s that is written in whole ms, as `key`."""
    return field(metadata={"milliseconds": key})


class Event(Record):
    """Something that happened in a run. The journal sets `time` when it writes the event."""

    event: ClassVar[str]
    time: float = field(default=0.0, kw_only=True)


# -- the run -------------------------------------------------------------------------------------


class RunStart(Event):
    """A run starts: at most `jobs` futures at once (0: any number) on `cores` processors."""

    event = "run_start"
    tasks: tuple[str, ...] = ()
    pid: int = 0
    parallel: bool = True
    jobs: int = 0
    cores: int = 1


class RunEnd(Event):
    """The run has ended with exit code `code`, after `cpu` s of CPU time."""

    event = "run_end"
    code: int
    cpu: float = 0.0


class Usage(Event):
    """CPU time (s) so far: of the run, and of the whole machine since its boot."""

    event = "usage"
    cpu: float
    machine: float | None = None


class ComponentTime(Event):
    """An action or script has measured how long a component took."""

    event = "time"
    component: str
    seconds: float = _milliseconds("milliseconds")


class Warned(Event):
    """The run has shown a warning, which it repeats at its end."""

    event = "warning"
    text: str


# -- steps ---------------------------------------------------------------------------------------


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
    def of(cls, planned: PlannedStep, **more: Any) -> Self:
        """Return this event for a step of the plan; `more` are the fields of a derived class."""
        return cls(
            task=planned.task,
            phase=planned.phase.value,
            plugin=planned.plugin,
            step=planned.step.name,
            kind=planned.step.kind,
            waits=planned.step.waits,
            needs=planned.needs,
            **more,
        )


class StepStart(StepEvent):
    """A step starts. `log` is the byte in `stack.log` at which its output begins."""

    event = "step_start"
    log: int | None = _optional()


class StepSkipped(StepEvent):
    """A step is up to date."""

    event = "step_skipped"


class StepNotRun(StepEvent):
    """The run has ended before the step's turn."""

    event = "step_not_run"


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


class FutureEvent(Event):
    """Something happened to the future `name`."""

    name: str


class FutureQueued(FutureEvent):
    """A future waits for a slot or for its lock."""

    event = "future_queued"
    command: str = ""
    lock: str = ""


class FutureStart(FutureEvent):
    """A future runs. `pid` is 0 if it runs in the bash session itself."""

    event = "future_start"
    pid: int = 0
    command: str = ""
    lock: str = _optional("")


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


class FutureStopped(FutureEvent):
    """A future was ended because the run ends."""

    event = "future_stopped"


class FutureCancelled(FutureEvent):
    """A future was cancelled before it started."""

    event = "future_cancelled"


# -- waits ---------------------------------------------------------------------------------------


class WaitStart(Event):
    """The main line waits for the future `name`, or for any (empty)."""

    event = "wait_start"
    name: str = ""


class WaitEnd(Event):
    """The main line no longer waits, and has collected nothing."""

    event = "wait_end"


class Collected(FutureEvent):
    """The main line has collected a future after it had waited `waited` s for it.

    `log` is the first and the last byte of its output in `stack.log`.
    """

    event = "collected"
    rc: int
    waited: float = 0.0
    log: tuple[int, int] | None = None


EVENTS: dict[str, type[Event]] = {
    kind.event: kind
    for kind in (
        *(RunStart, RunEnd, Usage, ComponentTime, Warned),
        *(StepStart, StepSkipped, StepNotRun, StepEnd),
        *(FutureQueued, FutureStart, FutureEnd, FutureStopped, FutureCancelled),
        *(WaitStart, WaitEnd, Collected),
    )
}
"""The kinds of event by name."""
