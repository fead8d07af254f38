"""From a run's events to figures: DevStack's formula, and what it cannot say. Prints nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from doitstack.journal.raw_events import Event, read_events, run_journals

ASYNC_WAIT = "async_wait"
"""The row of DevStack's component table for the time in which the main line waited."""

HISTORY = 50
"""How many earlier runs are looked at for a serial one to compare with."""


@dataclass(frozen=True)
class Stretch:
    """A part of the critical path: a step or future, and from when to when (s since the epoch)."""

    name: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


@dataclass(frozen=True)
class Timing:
    """The figures of one run, in s.

    `background` is the time of all futures, `wait` the time in which the main line waited for
    them. `serial` is DevStack's estimate: elapsed + background - wait; `speedup` is serial over
    elapsed. `cpu` is the CPU time of the run, of its children and, meanwhile, of the services.
    `critical_path` is the longest chain of work that had to follow on one another; no number of
    cores makes a run shorter, and no schedule shorter than `lower_bound`, the greater of it and
    CPU time over cores.
    `measured_speedup` compares with the last serial run of the same steps, if there is one.
    """

    elapsed: float
    background: float
    wait: float
    cpu: float
    cores: int
    critical_path: float
    critical_steps: tuple[Stretch, ...]
    components: dict[str, float]
    is_parallel: bool
    serial_elapsed: float | None = None

    @property
    def serial(self) -> float:
        """The time that everything would take one after another, as DevStack estimates it."""
        return self.elapsed + self.background - self.wait

    @property
    def speedup(self) -> float:
        """How many times faster than that the run was."""
        return self.serial / self.elapsed if self.elapsed > 0 else 1.0

    @property
    def lower_bound(self) -> float:
        """No schedule of the same work on these cores is shorter than this."""
        return max(self.critical_path, self.cpu / self.cores)

    @property
    def measured_speedup(self) -> float | None:
        """How many times faster than the last serial run of the same steps it really was."""
        if self.serial_elapsed is None or self.elapsed <= 0:
            return None
        return self.serial_elapsed / self.elapsed

    def as_dict(self) -> dict[str, object]:
        """Return the figures for machines, all times in s."""
        return {
            "elapsed": round(self.elapsed, 3),
            "background": round(self.background, 3),
            "wait": round(self.wait, 3),
            "serial": round(self.serial, 3),
            "speedup": round(self.speedup, 3),
            "cpu": round(self.cpu, 3),
            "cores": self.cores,
            "critical_path": round(self.critical_path, 3),
            "lower_bound": round(self.lower_bound, 3),
            "measured_speedup": self.measured_speedup and round(self.measured_speedup, 3),
            "parallel": self.is_parallel,
            "critical_steps": [
                {"name": part.name, "seconds": round(part.seconds, 3)}
                for part in self.critical_steps
            ],
            "components": {name: round(time, 3) for name, time in self.components.items()},
        }


def measure(events: Iterable[Event], serial_elapsed: float | None = None) -> Timing | None:
    """Return the figures of a run from its events, or None if it has none.

    A run that was killed ends with its last event.
    """
    known = list(events)
    if not known or known[0].kind != "run_start":
        return None
    start = known[0]
    is_parallel = bool(start.get("parallel", True))
    path = _Path(start.time, is_parallel)
    for event in known:
        path.follow(event)
    length, steps = path.longest()
    usage = [event["cpu"] for event in known if event.kind in ("usage", "run_end")]
    return Timing(
        elapsed=known[-1].time - start.time,
        background=sum(_durations(known)) if is_parallel else 0.0,
        wait=sum(_waits(known)) if is_parallel else 0.0,
        cpu=usage[-1] if usage else 0.0,
        cores=start.get("cores", 1),
        critical_path=length,
        critical_steps=steps,
        components=_components(known),
        is_parallel=is_parallel,
        serial_elapsed=serial_elapsed,
    )


def _durations(events: list[Event]) -> Iterator[float]:
    for event in events:
        if event.kind == "future_end":
            yield max(0, event["end_time"] - event["start_time"]) / 1000


def _waits(events: list[Event]) -> Iterator[float]:
    """Yield how long each wait of the main line was, also one that ended without its future."""
    since: float | None = None
    for event in events:
        if event.kind == "wait_start":
            since = event.time
        elif event.kind == "wait_end" and since is not None:
            yield event.time - since
        elif event.kind == "collected":
            yield event["waited"]


def _components(events: list[Event]) -> dict[str, float]:
    totals: dict[str, float] = {}
    for event in events:
        if event.kind == "time":
            name, seconds = event["component"], event["milliseconds"] / 1000
            totals[name] = totals.get(name, 0.0) + seconds
    if waits := list(_waits(events)):
        totals[ASYNC_WAIT] = sum(waits)
    return totals


@dataclass(frozen=True)
class _Chain:
    """A chain of work: its last link and all before it."""

    length: float = 0.0
    last: Stretch | None = None
    before: "_Chain | None" = None

    def then(self, name: str, start: float, end: float) -> "_Chain":
        """Return the chain with `name` behind it, for the time from `start` to `end`."""
        if end <= start:
            return self
        length = self.length + end - start
        if self.last and self.last.name == name and self.last.end == start:
            return _Chain(length, Stretch(name, self.last.start, end), self.before)
        return _Chain(length, Stretch(name, start, end), self)

    def links(self) -> tuple[Stretch, ...]:
        """Return the parts of the chain, the first first."""
        parts = []
        chain: _Chain | None = self
        while chain and chain.last:
            parts.append(chain.last)
            chain = chain.before
        return tuple(reversed(parts))


@dataclass
class _Path:
    """The longest chain to each point, found by following the run as it happened.

    The main line's own work adds up, without its waits; a future starts where the main line (or
    what it waits for) was, and gives its length back where it is collected.
    """

    last: float
    is_parallel: bool = True
    is_waiting: bool = False
    main: _Chain = field(default_factory=_Chain)
    step: str = "(start)"
    starts: dict[str, _Chain] = field(default_factory=dict)
    ends: dict[str, _Chain] = field(default_factory=dict)
    waits: dict[str, list[str]] = field(default_factory=dict)

    def follow(self, event: Event) -> None:
        """Take in the next event."""
        if not self.is_waiting:
            self.main = self.main.then(self.step, self.last, event.time)
        self.last = event.time
        if event.kind == "wait_start":
            self.is_waiting = True
        elif event.kind in ("wait_end", "collected"):
            self.is_waiting = False
        if event.kind == "step_start":
            self._start_step(event)
        elif event.kind == "future_start":
            name = event["name"]
            before = [self.ends[other] for other in self.waits.get(name, ()) if other in self.ends]
            self.starts[name] = _longest([self.main, *before])
        elif event.kind == "future_end":
            name = event["name"]
            start, end = event["start_time"] / 1000, event["end_time"] / 1000
            self.ends[name] = self.starts.get(name, _Chain()).then(name, start, end)
        elif event.kind == "collected":
            self.main = _longest([self.main, self.ends.get(event["name"], _Chain())])

    def _start_step(self, event: Event) -> None:
        if event["kind"] == "async_run":
            self.waits[event["step"]] = event["waits"]
        if event["kind"] != "async_run" or not self.is_parallel:
            self.step = f"{event['plugin']}: {event['step']}"

    def longest(self) -> tuple[float, tuple[Stretch, ...]]:
        """Return the length of the longest chain, and its parts."""
        chain = _longest([self.main, *self.ends.values()])
        return chain.length, chain.links()


def _longest(chains: list[_Chain]) -> _Chain:
    return max(chains, key=lambda chain: chain.length)


def _work(events: list[Event]) -> frozenset[str]:
    """Return the tasks that were really run."""
    return frozenset(event["task"] for event in events if event.kind == "step_start")


def last_serial_elapsed(log_dir: Path, run: Path) -> float | None:
    """Return how long (s) the last good serial run of the same steps took, if there was one."""
    events = list(read_events(run))
    for path in reversed(run_journals(log_dir)[-HISTORY:]):
        other = [] if path == run else list(read_events(path))
        if (
            other
            and other[0].kind == "run_start"
            and not other[0].get("parallel", True)
            and other[-1].kind == "run_end"
            and other[-1]["code"] == 0
            and _work(other) == _work(events)
        ):
            return other[-1].time - other[0].time
    return None


def timing_of(log_dir: Path, run: Path) -> Timing | None:
    """Return the figures of the run whose journal is `run`."""
    return measure(read_events(run), last_serial_elapsed(log_dir, run))
