"""The record of one run, built event by event, during the run or afterwards.

Only puts events together; reports and figures are functions of the record. All times are in s since
the epoch.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from doitstack.journal.events import (
    Collected,
    ComponentTime,
    Event,
    FutureCancelled,
    FutureEnd,
    FutureEvent,
    FutureQueued,
    FutureStart,
    FutureStopped,
    RunEnd,
    RunStart,
    StepEnd,
    StepEvent,
    StepNotRun,
    StepSkipped,
    StepStart,
    Usage,
    WaitEnd,
    WaitStart,
)
from doitstack.journal.journal_file import read_events
from doitstack.journal.status import Status
from doitstack.journal.step_record import StepRecord
from doitstack.records import Record
from doitstack.steps import Kind


class WaitRecord(Record):
    """A time in which the main line waited for the future `name`, or for any (empty)."""

    name: str
    start: float
    end: float


class Sample(Record):
    """CPU time (s) up to `time`: of the run, and of the whole machine since its boot."""

    time: float
    cpu: float
    machine: float


@dataclass
class RunRecord:
    """One run.

    Attributes:
        end: the time of its last event.
        jobs: how many futures might run at once (0: any number).
        code: its exit code; None if it has no recorded end.
        cpu: the CPU time (s) so far.
        components: the times (s) that actions and scripts have measured.
        current: the step that the main line runs, while there is one.
        wait: the wait of the main line, while there is one.
        last_wait: the wait in which the main line ended.
    """

    name: str
    start: float = 0.0
    end: float = 0.0
    tasks: tuple[str, ...] = ()
    is_parallel: bool = True
    cores: int = 1
    jobs: int = 0
    code: int | None = None
    cpu: float = 0.0
    steps: list[StepRecord] = field(default_factory=list)
    waits: list[WaitRecord] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    components: dict[str, float] = field(default_factory=dict)
    current: StepRecord | None = None
    wait: WaitRecord | None = None
    last_wait: WaitRecord | None = None
    _by_task: dict[str, StepRecord] = field(default_factory=dict, repr=False)
    _by_future: dict[str, StepRecord] = field(default_factory=dict, repr=False)
    _declared: dict[str, StepRecord] = field(default_factory=dict, repr=False)
    _waiting_since: dict[str, float] = field(default_factory=dict, repr=False)

    @property
    def elapsed(self) -> float:
        """How long the run took (s)."""
        return self.end - self.start

    @property
    def main_line(self) -> tuple[StepRecord, ...]:
        """The steps that ran one after another; without parallelism these are all."""
        return tuple(
            step
            for step in self.steps
            if step.was_run and not (step.is_future and self.is_parallel)
        )

    @property
    def futures(self) -> tuple[StepRecord, ...]:
        """The futures; none in a serial run, in which they run on the main line."""
        return tuple(step for step in self.steps if step.is_future and self.is_parallel)

    @property
    def failed(self) -> tuple[StepRecord, ...]:
        """The failed steps and futures, the earliest first."""
        failed = [step for step in self.steps if step.status is Status.FAILED]
        return tuple(sorted(failed, key=lambda step: step.end))

    def find(self, task: str) -> StepRecord | None:
        """Return the step of that task, if it has had its turn."""
        return self._by_task.get(task)

    # -- building --------------------------------------------------------------------------------

    def add(self, event: Event) -> None:
        """Add the next event."""
        self.end = event.time
        match event:
            case StepEvent():
                self._start_step(event)
            case StepEnd():
                self._end_step(event)
            case FutureEvent():
                self._add_future_event(event)
            case WaitStart():
                self._end_wait(event.time)
                self.wait = WaitRecord(event.name, event.time, event.time)
                self._waiting_since[event.name] = event.time
            case WaitEnd():
                self._end_wait(event.time)
            case _:
                self._add_run_event(event)

    def close(self) -> None:
        """End everything without a recorded end at the time of the last event."""
        for step in self.steps:
            if step.status is Status.RUNNING:
                step.end = self.end
        self.last_wait = self.last_wait or self.wait
        self._end_wait(self.end)

    def _add_run_event(self, event: Event) -> None:
        match event:
            case RunStart():
                self.start = event.time
                self.tasks, self.is_parallel = event.tasks, event.parallel
                self.cores, self.jobs = event.cores, event.jobs
            case RunEnd():
                self.code, self.cpu = event.code, event.cpu
            case Usage():
                self.cpu = event.cpu
                if event.machine is not None:
                    self.samples.append(Sample(event.time, event.cpu, event.machine))
            case ComponentTime():
                before = self.components.get(event.component, 0.0)
                self.components[event.component] = before + event.seconds

    def _start_step(self, event: StepEvent) -> None:
        step = _step_of(event)
        self.steps.append(step)
        self._by_task[event.task] = step
        match event:
            case StepSkipped():
                step.status = Status.UP_TO_DATE
            case StepNotRun():
                step.status = Status.NOT_RUN
                self.last_wait = self.last_wait or self.wait
            case _ if step.is_future:
                step.status = Status.QUEUED
                self._declared[step.name] = step
            case _:
                self._enter(step)

    def _enter(self, step: StepRecord) -> None:
        """Record that the main line runs `step`. An async_wait began with its first wait."""
        if step.kind is Kind.ASYNC_WAIT:
            since = [self._waiting_since.get(name, step.start) for name in step.waits]
            step.start = min([step.start, *since])
        self._waiting_since = {}
        self.current = step

    def _end_step(self, event: StepEnd) -> None:
        step = self._by_task.get(event.task)
        if step is None:
            return
        step.status, step.end = event.status, event.time
        step.error, step.failed_future = event.error or "", event.future
        if event.log is not None:
            # A future that could not be started has written nothing.
            step.log = (step.log[0] if step.log else event.log, event.log)
        if step is self.current:
            self.current = None
        elif step.is_future:
            self._declared.pop(step.name, None)

    # -- futures ---------------------------------------------------------------------------------

    def _add_future_event(self, event: FutureEvent) -> None:
        step = self._future_of(event)
        match event:
            case FutureQueued():
                step.command, step.lock = event.command, event.lock
            case FutureStart():
                step.status, step.start = Status.RUNNING, event.time
                step.pid, step.command, step.lock = event.pid, event.command, event.lock
            case FutureEnd():
                step.status = Status.FAILED if event.rc else Status.DONE
                step.start, step.end = event.start_time, max(event.start_time, event.end_time)
                step.rc, step.cpu, step.error = event.rc, event.cpu, event.error or ""
            case FutureStopped() if step.status is not Status.DONE:
                # A future of bash has a process even while it waits to start.
                step.status = Status.CANCELLED if step.pid is None else Status.STOPPED
            case FutureCancelled():
                step.status = Status.CANCELLED
            case Collected():
                self._collect(step, event)

    def _future_of(self, event: FutureEvent) -> StepRecord:
        """Return the future of an event. A name may be used again after its future has ended."""
        step = self._by_future.get(event.name)
        if step is None or _is_another(step, event):
            step = self._declared.pop(event.name, None) or self._undeclared(event)
            self._by_future[event.name] = step
        return step

    def _undeclared(self, event: FutureEvent) -> StepRecord:
        """Return a new future that an action, a script or the run on another host has started."""
        _, is_elsewhere, host = event.name.partition("@")
        by = self._by_future.get(f"stack@{host}") if is_elsewhere else self.current
        step = StepRecord(
            name=event.name,
            kind=Kind.ASYNC_RUN,
            status=Status.QUEUED,
            declared=event.time,
            start=event.time,
            end=event.time,
            phase=by.phase if by else "",
            plugin=by.plugin if by else "",
            started_by=by.task if by else "",
        )
        self.steps.append(step)
        return step

    def _collect(self, step: StepRecord, event: Collected) -> None:
        step.collected, step.waited = event.time, event.waited
        step.log = event.log or step.log
        if self.wait:
            # The failure of a future also ends a wait for another one.
            is_it = self.wait.name == event.name
            self._end_wait(self.wait.start + event.waited if is_it else event.time)

    def _end_wait(self, time: float) -> None:
        if self.wait:
            self.waits.append(replace(self.wait, end=time))
        self.wait = None


def _step_of(event: StepEvent) -> StepRecord:
    log = event.log if isinstance(event, StepStart) else None
    return StepRecord(
        name=event.step,
        kind=event.kind,
        status=Status.RUNNING,
        declared=event.time,
        start=event.time,
        end=event.time,
        phase=event.phase,
        plugin=event.plugin,
        task=event.task,
        waits=event.waits,
        needs=event.needs,
        log=None if log is None else (log, log),
    )


def _is_another(step: StepRecord, event: FutureEvent) -> bool:
    """Return whether an event is of a future that has the name of an earlier one."""
    match event:
        case FutureQueued() | FutureStart():
            return step.status is not Status.QUEUED
        case FutureEnd() | FutureCancelled():
            return step.status not in (Status.QUEUED, Status.RUNNING)
    return False


def read_run(path: Path) -> RunRecord | None:
    """Return the run whose journal is `path`, or None if that holds no run of steps."""
    return record_of(path.stem, read_events(path))


def record_of(name: str, events: Iterable[Event]) -> RunRecord | None:
    """Return the run of these events, or None if they do not begin one."""
    events = iter(events)
    first = next(events, None)
    if not isinstance(first, RunStart):
        return None
    run = RunRecord(name)
    run.add(first)
    for event in events:
        run.add(event)
    run.close()
    return run
