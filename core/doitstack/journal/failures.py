"""What failed in a run, from its events: which step or future first, and what only because of it.

Draws conclusions and shows nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from doitstack.journal.raw_events import Event


@dataclass(frozen=True)
class Failure:
    """A step or future that failed by itself, or was stopped by a signal.

    `log` is where in the main line's log the output of a step is, from byte to byte; a future has a
    log of its own. `rc` is None for a step. Times are in s.
    """

    time: float
    task: str
    name: str
    plugin: str
    phase: str
    error: str
    seconds: float
    rc: int | None = None
    log: tuple[int, int] = (0, 0)

    @property
    def is_future(self) -> bool:
        """Whether it ran in the background."""
        return self.rc is not None


@dataclass(frozen=True)
class Outcome:
    """How a run that did not come through has ended.

    `failures` are those that failed by themselves, the first first; `interrupted` is the step that
    a signal ended; `awaited` is the future that the main line waited for in the end (empty: any).
    `stopped` and `not_run` name the futures that had to stop and the steps that never ran.
    """

    failures: tuple[Failure, ...]
    interrupted: Failure | None
    stopped: tuple[str, ...]
    not_run: tuple[str, ...]
    awaited: str | None = None


def outcome(events: Iterable[Event], *, strict: bool) -> Outcome:
    """Return what the events of a run say of its failures.

    A future for which nobody waits fails a run only if that is `strict`.
    """
    story = _Story()
    for event in events:
        story.follow(event)
    return Outcome(
        failures=tuple(story.failures(strict=strict)),
        interrupted=story.interrupted,
        stopped=tuple(story.stopped),
        not_run=tuple(story.not_run),
        awaited=story.waiting,
    )


@dataclass
class _Story:
    """What has been read so far; `owners` are the steps that have started each future."""

    step: Event | None = None
    owners: dict[str, Event] = field(default_factory=dict)
    starts: dict[str, Event] = field(default_factory=dict)
    steps: list[Failure] = field(default_factory=list)
    futures: dict[str, Failure] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)
    good: set[str] = field(default_factory=set)
    counting: set[str] = field(default_factory=set)
    awaited: set[str] = field(default_factory=set)
    waiting: str | None = None
    is_over: bool = False
    collected: str = ""
    stopped: dict[str, None] = field(default_factory=dict)
    not_run: dict[str, None] = field(default_factory=dict)
    interrupted: Failure | None = None

    def follow(self, event: Event) -> None:
        """Take in the next event."""
        match event.kind:
            case "step_start":
                self._start_step(event)
            case "step_end":
                self._end_step(event)
            case "step_not_run":
                self._miss_step(event)
            case "wait_start" | "wait_end":
                self._wait(event.get("name"))
            case "future_start" | "future_end" | "collected":
                self._follow_future(event)
            case "future_stopped" | "future_cancelled":
                self._stop_future(event)

    def _wait(self, name: str | None) -> None:
        # What is collected after the end is no matter of the main line.
        if not self.is_over:
            self.waiting = name

    def _miss_step(self, event: Event) -> None:
        self.is_over = True
        self.awaited.update(event["waits"])
        if event["kind"] != "async_wait":
            # A script has a step of one name in each phase.
            self.not_run[event["step"]] = None

    def _start_step(self, event: Event) -> None:
        self.awaited.update(event["waits"])
        self.starts[event["task"]] = event
        if event["kind"] == "async_run":
            self.owners[event["step"]] = event
        else:
            self.step, self.collected = event, ""

    def _end_step(self, event: Event) -> None:
        start = self.starts[event["task"]]
        if event["status"] == "stopped":
            self.interrupted = _step_failure(start, event)
        elif event["status"] == "failed":
            if self.collected and _tells_of_future(event["error"], self.collected):
                self.counting.add(self.collected)
            else:
                self.steps.append(_step_failure(start, event))
        self.step = None

    def _stop_future(self, event: Event) -> None:
        self.futures.pop(event["name"], None)
        # One may have come to its end by itself, just before anybody looked.
        if event["name"] not in self.good:
            has_run = event["name"] in self.started
            (self.stopped if has_run else self.not_run)[event["name"]] = None

    def _follow_future(self, event: Event) -> None:
        if event.kind == "collected":
            self._wait(None)
            self.collected = event["name"] if event["rc"] else ""
        elif event.kind == "future_end":
            self._end_future(event)
        else:
            self.started.add(event["name"])
            self.good.discard(event["name"])
            if self.step:
                self.owners.setdefault(event["name"], self.step)

    def _end_future(self, event: Event) -> None:
        if event["rc"]:
            self._fail_future(event)
        else:
            self.good.add(event["name"])

    def _fail_future(self, event: Event) -> None:
        # One that could not even be started belongs to the step that wanted it.
        owner = self.owners.get(event["name"], self.step)
        self.futures[event["name"]] = Failure(
            time=event["end_time"] / 1000,
            task=owner["task"] if owner else "",
            name=event["name"],
            plugin=owner["plugin"] if owner else "",
            phase=owner["phase"] if owner else "",
            error=event.get("error") or "",
            seconds=max(0, event["end_time"] - event["start_time"]) / 1000,
            rc=event["rc"],
        )

    def failures(self, *, strict: bool) -> list[Failure]:
        """Return what failed the run by itself, in order of time."""
        counting = self.counting | self.awaited
        futures = [failure for name, failure in self.futures.items() if strict or name in counting]
        return sorted(self.steps + futures, key=lambda failure: failure.time)


def _step_failure(start: Event, end: Event) -> Failure:
    return Failure(
        time=end.time,
        task=start["task"],
        name=start["step"],
        plugin=start["plugin"],
        phase=start["phase"],
        error=end.get("error") or "",
        seconds=end.time - start.time,
        # A future that could not be started has said nothing.
        log=(start.get("log", end["log"]), end["log"]),
    )


def _tells_of_future(error: str, name: str) -> bool:
    """Return whether a step failed with the future `name` that it had just collected."""
    return f"future {name}" in error or "async_wait" in error
