"""The load of a run over time: how many steps ran at once, and on how many processors."""

from collections.abc import Iterable
from itertools import pairwise

from doitstack.journal.run_record import RunRecord
from doitstack.records import Record

APART = 0.25
"""Samples that are closer (s) give no rate: the CPU clock is too coarse for that."""


class Point(Record):
    """A value from some time (s since the epoch) on, until the next point's."""

    time: float
    value: float


def concurrency(run: RunRecord) -> tuple[Point, ...]:
    """Return how many steps ran at once: the futures, and the main line unless it waited."""
    changes = [(run.start, 1), (run.end, -1)]
    for step in run.futures:
        if step.was_run:
            changes += [(step.start, 1), (step.end, -1)]
    for wait in run.waits if run.is_parallel else ():
        changes += [(wait.start, -1), (wait.end, 1)]
    return _added_up(changes)


def _added_up(changes: Iterable[tuple[float, int]]) -> tuple[Point, ...]:
    at: dict[float, int] = {}
    for time, change in changes:
        at[time] = at.get(time, 0) + change
    points: list[Point] = []
    value = 0
    for time, change in sorted(at.items()):
        value += change
        if not points or points[-1].value != value:
            points.append(Point(time, value))
    return tuple(points)


def cores_of_run(run: RunRecord) -> tuple[Point, ...]:
    """Return how many processors the run used, from each sample to the next."""
    return _rates([(sample.time, sample.cpu) for sample in run.samples])


def cores_of_machine(run: RunRecord) -> tuple[Point, ...]:
    """Return how many processors of the machine were busy, for any reason."""
    return _rates([(sample.time, sample.machine) for sample in run.samples])


def _rates(totals: list[tuple[float, float]]) -> tuple[Point, ...]:
    """Return the rates of a growing total; the last point is the end of the last rate."""
    kept: list[tuple[float, float]] = []
    for time, total in totals:
        if not kept or time - kept[-1][0] >= APART:
            kept.append((time, total))
    points = [
        Point(time, max(0.0, later - total) / (until - time))
        for (time, total), (until, later) in pairwise(kept)
    ]
    return (*points, Point(kept[-1][0], 0.0)) if points else ()
