"""The longest chain of work in a run: each part had to wait for the one before."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from doitstack.journal.run_record import RunRecord, WaitRecord
from doitstack.journal.step_record import StepRecord
from doitstack.records import Record


class Stretch(Record):
    """A part of the critical path: a step or future, and from when to when (s since the epoch)."""

    name: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


class _Chain(Record):
    """A chain of work: its last link and all before it."""

    length: float = 0.0
    last: Stretch | None = None
    before: "_Chain | None" = None

    def then(self, name: str, start: float, end: float) -> "_Chain":
        """Return the chain with `name` added at its end, for the time from `start` to `end`."""
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


class _Change(IntEnum):
    """The changes on the main line. Changes at the same time are applied in this order."""

    WAIT_END = 0
    COLLECTED = 1
    STEP = 2
    FUTURE = 3
    WAIT_START = 4


def critical_path(run: RunRecord) -> tuple[float, tuple[Stretch, ...]]:
    """Return the length (s) of the longest chain of work, and its parts.

    The work of the main line adds up, without its waits; a future starts where the main line (or
    what it waits for) was, and passes its length on where it is collected.
    """
    paths = _Paths(run.start)
    for time, change, what in _changes(run):
        paths.advance(time)
        paths.apply(change, what)
    paths.advance(run.end)
    chain = _longest([paths.main, *map(paths.end_of, paths.futures)])
    return chain.length, chain.links()


@dataclass
class _Paths:
    """The longest chains up to `time`: of the main line, and of each future to its start.

    `label` is what the main line works on; it works unless it has open `waits`.
    """

    time: float
    main: _Chain = field(default_factory=_Chain)
    label: str = "(start)"
    waits: int = 0
    futures: dict[str, tuple[StepRecord, _Chain]] = field(default_factory=dict)

    def advance(self, time: float) -> None:
        """Add work of the main line until `time`."""
        if not self.waits:
            self.main = self.main.then(self.label, self.time, time)
        self.time = time

    def apply(self, change: _Change, what: StepRecord | WaitRecord) -> None:
        """Apply a change at the current time."""
        match change, what:
            case _Change.WAIT_START, _:
                self.waits += 1
            case _Change.WAIT_END, _:
                self.waits -= 1
            case _Change.STEP, StepRecord() as step:
                self.label = step.label
            case _Change.FUTURE, StepRecord() as step:
                before = [self.main, *map(self.end_of, step.waits)]
                self.futures[step.name] = step, _longest(before)
            case _Change.COLLECTED, StepRecord() as step:
                self.main = _longest([self.main, self.end_of(step.name)])

    def end_of(self, name: str) -> _Chain:
        """Return the chain to the end of a future; an empty one if it has not ended."""
        if name not in self.futures:
            return _Chain()
        step, chain = self.futures[name]
        return chain.then(name, step.start, step.end) if step.ended_in_background else _Chain()


def _changes(run: RunRecord) -> list[tuple[float, _Change, StepRecord | WaitRecord]]:
    """Return the changes on the main line, in order."""
    changes: list[tuple[float, _Change, StepRecord | WaitRecord]] = []
    for wait in run.waits:
        changes += [(wait.start, _Change.WAIT_START, wait), (wait.end, _Change.WAIT_END, wait)]
    for step in run.steps:
        if step.was_run and not (step.is_future and run.is_parallel):
            changes.append((step.declared, _Change.STEP, step))
        if step.is_future and step.was_run:
            changes.append((step.start, _Change.FUTURE, step))
        if step.collected is not None:
            changes.append((step.collected, _Change.COLLECTED, step))
    return sorted(changes, key=lambda change: change[:2])


def _longest(chains: Iterable[_Chain]) -> _Chain:
    return max(chains, key=lambda chain: chain.length)
