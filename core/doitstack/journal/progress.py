"""What a run is doing, from the events of its journal; shows nothing and knows no executor."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from doitstack.journal.raw_events import Event
from doitstack.planning.plan import PlannedStep
from doitstack.steps import Kind


class Standing(Enum):
    """Where a future is in its life, as far as somebody who watches the run cares."""

    QUEUED = "queued"
    RUNNING = "running"
    FAILED = "failed"
    DONE = "done"


@dataclass
class Watched:
    """A future that has been seen; times are in s since the epoch."""

    name: str
    standing: Standing
    since: float
    until: float | None = None
    rc: int = 0


@dataclass
class Progress:
    """A run as its events tell it.

    `step` is the step of the main line, as `PLUGIN: STEP`, while there is one; `awaited` is the
    future that the main line waits for (empty: any). Times are in s since the epoch.
    """

    start: float = 0.0
    phase: str = ""
    task: str = ""
    step: str = ""
    step_since: float = 0.0
    awaited: str | None = None
    awaited_since: float = 0.0
    futures: dict[str, Watched] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    _tasks: dict[str, str] = field(default_factory=dict)

    def follow(self, event: Event) -> None:
        """Take in the next event."""
        match event.kind:
            case "run_start":
                self.start = event.time
            case "step_start" | "step_skipped" | "step_end":
                self._follow_step(event)
            case "future_start" | "future_end" | "future_cancelled":
                self._follow_future(event)
            case "wait_start":
                self.awaited, self.awaited_since = event["name"], event.time
            case "wait_end" | "collected":
                self.awaited = None

    def _follow_step(self, event: Event) -> None:
        if event.get("kind", "async_run") != "async_run":
            self.phase = event["phase"]
        if event.kind != "step_start":
            self.ended.add(event["task"])
            if event["task"] == self.task:
                self.task = self.step = ""
            return
        if event["kind"] == "async_run":
            name = event["step"]
            self._tasks[name] = event["task"]
            self.futures[name] = Watched(name, Standing.QUEUED, event.time)
        else:
            self.task, self.step_since = event["task"], event.time
            self.started[event["task"]] = event.time
            self.step = f"{event['plugin']}: {event['step']}"

    def _follow_future(self, event: Event) -> None:
        name = event["name"]
        if event.kind == "future_start":
            self.futures[name] = Watched(name, Standing.RUNNING, event.time)
            if name in self._tasks:
                self.started[self._tasks[name]] = event.time
            return
        rc = event.get("rc", 0)
        watched = self.futures.setdefault(name, Watched(name, Standing.QUEUED, event.time))
        watched.standing = Standing.FAILED if rc else Standing.DONE
        watched.until, watched.rc = event.time, rc
        if name in self._tasks:
            self.ended.add(self._tasks[name])

    def of(self, standing: Standing) -> list[Watched]:
        """Return the futures that stand so, the one that has done so longest first."""
        return [watched for watched in self.futures.values() if watched.standing is standing]

    def count(self, plan: Iterable[PlannedStep]) -> tuple[int, int]:
        """Return how many steps of `plan` have ended, and how many there are."""
        tasks = [planned.task for planned in plan]
        return sum(task in self.ended for task in tasks), len(tasks)


@dataclass(frozen=True)
class Left:
    """An estimate: what is left takes about `seconds`; more, unless all of it `is_known`."""

    seconds: float
    is_known: bool


def left(
    progress: Progress, plan: Sequence[PlannedStep], expected: Mapping[str, float], now: float
) -> Left | None:
    """Return how long the rest of `plan` takes if all takes as long as last time.

    That is the longest path through what is left: `expected` has seconds by task, and by name for
    futures. None where nothing of it has been run before.
    """
    finish: dict[str, float] = {}
    known = []
    for planned in plan:
        if planned.task in progress.ended:
            continue
        seconds = expected.get(planned.step.name if planned.is_future else planned.task)
        if planned.step.kind is not Kind.ASYNC_WAIT:
            known.append(seconds is not None)
        ran = now - progress.started.get(planned.task, now)
        before = max((finish.get(need, 0.0) for need in planned.needs), default=0.0)
        finish[planned.task] = before + max(0.0, (seconds or 0.0) - ran)
    return Left(max(finish.values()), all(known)) if any(known) else None
