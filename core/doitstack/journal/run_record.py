"""One run as its journal tells it: every step and future with its times, the waits, the samples.

Puts events together; draws no conclusion. All times are in s since the epoch.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

from doitstack.journal.raw_events import Event, read_events
from doitstack.steps import Kind


class Status(Enum):
    """How a step or future ended. `LOST` is one whose end is not recorded."""

    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    SKIPPED = "up to date"
    NOT_RUN = "not run"
    QUEUED = "queued"
    LOST = "no end recorded"


UNTOUCHED = (Status.SKIPPED, Status.NOT_RUN, Status.CANCELLED, Status.QUEUED)
"""What nothing was done for."""


@dataclass(frozen=True)
class StepRecord:
    """A step of the plan, or a future that an action or a script has started.

    `task` is empty for the latter; their `phase` and `plugin` are those of the step that started
    them. `declared` is when it was a step's turn: a future may queue until `start`. `collected` is
    when the main line took the future's log in, having waited `waited` s. `log` says where in
    `stack.log` its output begins and ends. `error` says why it failed. Futures with
    the same `lock` never run at once.
    """

    name: str
    kind: Kind
    status: Status
    declared: float
    start: float
    end: float
    phase: str = ""
    plugin: str = ""
    task: str = ""
    command: str = ""
    waits: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    rc: int | None = None
    cpu: float = 0.0
    collected: float | None = None
    waited: float = 0.0
    log: tuple[int, int] | None = None
    error: str = ""
    lock: str = ""

    @property
    def is_future(self) -> bool:
        """Whether it ran beside the main line."""
        return self.kind is Kind.ASYNC_RUN

    @property
    def was_run(self) -> bool:
        """Whether anything was done for it."""
        return self.status not in UNTOUCHED

    @property
    def seconds(self) -> float:
        """How long it took (s); of an async_wait, how long the main line waited."""
        return self.end - self.start


@dataclass(frozen=True)
class Wait:
    """A time in which the main line waited for the future `name`, or (empty) for any."""

    name: str
    start: float
    end: float


@dataclass(frozen=True)
class Sample:
    """CPU time (s) at some time: of the run so far, and of the whole machine since its boot."""

    time: float
    cpu: float
    machine: float


@dataclass(frozen=True)
class RunRecord:
    """One run. `code` is None if no end is recorded; `end` is its last event then.

    `jobs` is how many futures might run at once (0: all).
    """

    name: str
    start: float
    end: float
    tasks: tuple[str, ...]
    is_parallel: bool
    cores: int
    jobs: int
    code: int | None
    steps: tuple[StepRecord, ...]
    waits: tuple[Wait, ...]
    samples: tuple[Sample, ...]

    @property
    def elapsed(self) -> float:
        """How long the run took (s)."""
        return self.end - self.start

    @property
    def main_line(self) -> tuple[StepRecord, ...]:
        """The steps that ran one after another; without parallelism that is all."""
        return tuple(
            step
            for step in self.steps
            if step.was_run and not (step.is_future and self.is_parallel)
        )

    @property
    def futures(self) -> tuple[StepRecord, ...]:
        """What ran, or was to run, beside the main line."""
        return tuple(step for step in self.steps if step.is_future and self.is_parallel)

    @property
    def failed(self) -> tuple[StepRecord, ...]:
        """What failed, the first first."""
        failed = [step for step in self.steps if step.status is Status.FAILED]
        return tuple(sorted(failed, key=lambda step: step.end))


def read_run(path: Path) -> RunRecord | None:
    """Return the run whose journal is `path`, or None if that holds no run of steps."""
    return record_of(path.stem, read_events(path))


def record_of(name: str, events: Iterable[Event]) -> RunRecord | None:
    """Return the run of these events, or None if they do not begin one."""
    known = list(events)
    if not known or known[0].kind != "run_start":
        return None
    builder = _Builder()
    for event in known:
        builder.take(event)
    start, last = known[0], known[-1]
    builder.end_wait(last.time)
    return RunRecord(
        name=name,
        start=start.time,
        end=last.time,
        tasks=tuple(start.get("tasks", ())),
        is_parallel=bool(start.get("parallel", True)),
        cores=start.get("cores", 1),
        jobs=start.get("jobs", 0),
        code=last["code"] if last.kind == "run_end" else None,
        steps=tuple(builder.ended(step, last.time) for step in builder.steps),
        waits=tuple(builder.waits),
        samples=tuple(builder.samples),
    )


@dataclass
class _Builder:
    """Takes events one after another.

    `now` is the place in `steps` of the main line's step; `tasks` and `places` are those of tasks
    and of futures.
    """

    steps: list[StepRecord] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    now: int | None = None
    open_wait: Wait | None = None
    waited_from: dict[str, float] = field(default_factory=dict)
    tasks: dict[str, int] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Take in the next event; those that are not of our business pass."""
        method = getattr(self, f"_{event.kind}", None)
        if method:
            method(event)

    def ended(self, step: StepRecord, end: float) -> StepRecord:
        """Return `step` with the end of the run as its own, if nothing tells of another."""
        return replace(step, end=end) if step.status is Status.LOST else step

    # -- the main line -------------------------------------------------------------------------

    def _step_start(self, event: Event) -> None:
        kind = Kind(event["kind"])
        if kind is Kind.ASYNC_RUN:
            self._declare(event, Status.QUEUED)
            return
        self.now = len(self.steps)
        # The main line stands at an async_wait before doit hands that out as a step.
        since = [self.waited_from[name] for name in event["waits"] if name in self.waited_from]
        start = min([event.time, *since]) if kind is Kind.ASYNC_WAIT else event.time
        self._add(event, Status.LOST, start)
        self.waited_from = {}

    def _step_end(self, event: Event) -> None:
        place = self.tasks.get(event["task"])
        if place is not None:
            begun = self.steps[place].log
            self._change(
                place,
                end=event.time,
                status=Status(event["status"]),
                log=(begun[0], event["log"]) if begun and "log" in event.fields else None,
                error=event.get("error") or "",
            )
        self.now = None

    def _step_skipped(self, event: Event) -> None:
        self._add(event, Status.SKIPPED, event.time)

    def _step_not_run(self, event: Event) -> None:
        self._add(event, Status.NOT_RUN, event.time)

    def _add(self, event: Event, status: Status, start: float) -> None:
        log = event.get("log")
        self.tasks[event["task"]] = len(self.steps)
        self.steps.append(
            StepRecord(
                name=event["step"],
                kind=Kind(event["kind"]),
                status=status,
                declared=event.time,
                start=start,
                end=event.time,
                phase=event.get("phase", ""),
                plugin=event["plugin"],
                task=event["task"],
                waits=tuple(event["waits"]),
                needs=tuple(event.get("needs", ())),
                log=None if log is None else (log, log),
            )
        )

    def _change(self, place: int, **changes: Any) -> None:
        self.steps[place] = replace(self.steps[place], **changes)

    # -- futures -------------------------------------------------------------------------------

    def _declare(self, event: Event, status: Status) -> None:
        self.places[event["step"]] = len(self.steps)
        self._add(event, status, event.time)

    def _future_queued(self, event: Event) -> None:
        self._change(self._place_of(event), command=event["command"])

    def _future_start(self, event: Event) -> None:
        self._change(
            self._place_of(event),
            start=event.time,
            status=Status.LOST,
            command=event["command"],
            lock=event.get("lock", ""),
        )

    def _place_of(self, event: Event) -> int:
        """Return the place of the future that is about to start."""
        place = self.places.get(event["name"])
        if place is None or self.steps[place].status is not Status.QUEUED:
            place = self.places[event["name"]] = len(self.steps)
            self.steps.append(self._undeclared(event))
        return place

    def _undeclared(self, event: Event) -> StepRecord:
        """Return the future that an action or script has started without the plan's knowledge."""
        phase, plugin = "", ""
        if self.now is not None:
            phase, plugin = self.steps[self.now].phase, self.steps[self.now].plugin
        name, when, queued = event["name"], event.time, Status.QUEUED
        return StepRecord(name, Kind.ASYNC_RUN, queued, when, when, when, phase, plugin)

    def _future_end(self, event: Event) -> None:
        place = self.places.get(event["name"])
        if place is None:
            return
        start = event["start_time"] / 1000
        self._change(
            place,
            start=start,
            end=max(start, event["end_time"] / 1000),
            rc=event["rc"],
            cpu=event["cpu"],
            error=event.get("error") or "",
            status=Status.FAILED if event["rc"] else Status.DONE,
        )

    def _future_stopped(self, event: Event) -> None:
        self._set_status(event, Status.STOPPED)

    def _future_cancelled(self, event: Event) -> None:
        self._set_status(event, Status.CANCELLED)

    def _set_status(self, event: Event, status: Status) -> None:
        place = self.places.get(event["name"])
        if place is not None:
            self._change(place, status=status)

    # -- waits and samples ---------------------------------------------------------------------

    def _wait_start(self, event: Event) -> None:
        self.end_wait(event.time)
        self.open_wait = Wait(event["name"], event.time, event.time)
        self.waited_from[event["name"]] = event.time

    def _wait_end(self, event: Event) -> None:
        self.end_wait(event.time)

    def end_wait(self, time: float) -> None:
        """The main line waits no longer; it may not have waited at all."""
        if self.open_wait:
            self.waits.append(replace(self.open_wait, end=time))
        self.open_wait = None

    def _collected(self, event: Event) -> None:
        name, waited = event["name"], event["waited"]
        if self.open_wait:
            # A future that fails ends the wait for another, too.
            is_it = self.open_wait.name == name
            self.end_wait(self.open_wait.start + waited if is_it else event.time)
        place = self.places.get(name)
        if place is not None:
            log = tuple(event["log"]) if event.get("log") else None
            self._change(place, collected=event.time, waited=waited, log=log)

    def _usage(self, event: Event) -> None:
        if "machine" in event.fields:
            self.samples.append(Sample(event.time, event["cpu"], event["machine"]))
