"""A run as geometry: bars on rows and curves over time, all in percent of the run's length.

Knows no HTML; colours and sizes are for the page.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby, pairwise

from doitstack.journal.critical_path import Stretch
from doitstack.journal.load_curves import Point, concurrency, cores_of_machine, cores_of_run
from doitstack.journal.run_record import RunRecord, WaitRecord
from doitstack.journal.status import Status
from doitstack.journal.step_record import StepRecord
from doitstack.journal.what_if import startable
from doitstack.records import Record
from doitstack.reports.formatting import format_duration, format_tick
from doitstack.steps import Kind

_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_MOST_TICKS = 10

_NARROWEST = 0.05
"""A narrower bar (percent) would not be visible."""

HEIGHT, WIDTH = 100, 1000
"""The size of a curve's drawing, whatever its size on the screen."""


class Bar(Record):
    """A time on a row, from `left` on for `width` (percent); `step` is the number it leads to."""

    kind: str
    left: float
    width: float
    label: str = ""
    title: str = ""
    step: int | None = None


class Row(Record):
    """A row of bars with its label; `step` is the number of the future that it shows."""

    label: str
    detail: str
    bars: tuple[Bar, ...]
    step: int | None = None


class Tick(Record):
    """A mark on the axis of time."""

    left: float
    label: str


class Curve(Record):
    """Values over time as an SVG path, below `top`; `about` describes it for readers."""

    label: str
    top: float
    area: str
    about: str
    line: str = ""
    level: float | None = None


class Chart(Record):
    """Everything that is drawn of a run."""

    ticks: tuple[Tick, ...]
    grid: float
    phases: tuple[Bar, ...]
    main_line: Row
    futures: tuple[Row, ...]
    curves: tuple[Curve, ...]


class _Scale(Record):
    start: float
    length: float

    def bar(self, kind: str, start: float, end: float) -> Bar:
        left = self.percent(start)
        return Bar(kind, left, max(0.0, round(self.percent(end) - left, 3)))

    def percent(self, time: float) -> float:
        part = (time - self.start) / self.length if self.length > 0 else 0.0
        return round(100 * min(1.0, max(0.0, part)), 3)


def chart_of(run: RunRecord, critical: Sequence[Stretch]) -> Chart:
    """Return the picture of a run, with its critical path marked."""
    scale = _Scale(run.start, run.elapsed)
    every = tick_length(run.elapsed)
    return Chart(
        ticks=tuple(_ticks(run.elapsed, every)),
        grid=round(100 * every / run.elapsed, 4) if run.elapsed else 100.0,
        phases=tuple(_phases(run, scale)),
        main_line=_main_line(run, critical, scale),
        futures=tuple(_futures(run, critical, scale)),
        curves=tuple(_curves(run, scale)),
    )


def tick_length(elapsed: float) -> float:
    """Return the shortest round time (s) that gives at most _MOST_TICKS ticks."""
    for seconds in _TICKS:
        if elapsed / seconds <= _MOST_TICKS:
            return seconds
    return _TICKS[-1] * (elapsed // (_TICKS[-1] * _MOST_TICKS) + 1)


def _ticks(elapsed: float, every: float) -> Iterable[Tick]:
    number = 0
    # A label at the very end would stand outside.
    while number * every < 0.97 * elapsed:
        yield Tick(round(100 * number * every / elapsed, 3), format_tick(number * every, every))
        number += 1


# -- rows ----------------------------------------------------------------------------------------


def _phases(run: RunRecord, scale: _Scale) -> Iterable[Bar]:
    groups = [(phase, list(steps)) for phase, steps in groupby(run.main_line, lambda s: s.phase)]
    starts = [steps[0].start for _, steps in groups]
    for (phase, _), (start, end) in zip(groups, pairwise([*starts, run.end]), strict=True):
        title = f"{phase}: {format_duration(end - start)}"
        yield replace(scale.bar("phase", start, end), label=phase, title=title)


def _main_line(run: RunRecord, critical: Sequence[Stretch], scale: _Scale) -> Row:
    futures = {step.name for step in run.futures}
    waits = run.waits if run.is_parallel else ()
    on_it = {id(step) for step in run.main_line if step.kind is not Kind.ASYNC_WAIT}
    bars = [
        _step_bar(number, step, scale) for number, step in enumerate(run.steps) if id(step) in on_it
    ]
    bars += [_wait_bar(wait, scale) for wait in waits if wait.end > wait.start]
    marks = [stretch for stretch in critical if stretch.name not in futures]
    bars += [scale.bar("critical", stretch.start, stretch.end) for stretch in marks]
    waited = sum(wait.end - wait.start for wait in waits)
    return Row("main line", f"waits {format_duration(waited)}" if waited else "", tuple(bars))


def _step_bar(number: int, step: StepRecord, scale: _Scale) -> Bar:
    title = f"{step.plugin}: {step.name}: {format_duration(step.seconds)}"
    bar = scale.bar(_kind(step), step.start, step.end)
    return replace(bar, label=step.name, title=title, step=number)


def _wait_bar(wait: WaitRecord, scale: _Scale) -> Bar:
    what = f"waits for {wait.name or 'any future'}"
    title = f"the main line {what}: {format_duration(wait.end - wait.start)}"
    return replace(scale.bar("wait", wait.start, wait.end), label=what, title=title)


def _kind(step: StepRecord) -> str:
    if step.status in (Status.FAILED, Status.STOPPED, Status.RUNNING):
        return "failed" if step.status is Status.FAILED else "stopped"
    return "future" if step.is_future else "run"


def _futures(run: RunRecord, critical: Sequence[Stretch], scale: _Scale) -> Iterable[Row]:
    marks = {(stretch.name, stretch.start) for stretch in critical}
    for number, step in enumerate(run.steps):
        if not (step.is_future and run.is_parallel and step.was_run):
            continue
        bars = list(_delays(run, step, scale))
        if step.collected is not None:
            bars.append(scale.bar("ended", step.end, step.collected))
        # The row has its name already.
        bars.append(replace(_step_bar(number, step, scale), label=""))
        bars += _waited_bars(step, run.waits, scale)
        if (step.name, step.start) in marks:
            bars.append(scale.bar("critical", step.start, step.end))
        shown = tuple(bar for bar in bars if bar.width >= _NARROWEST or bar.step is not None)
        yield Row(step.name, format_duration(step.seconds), shown, number)


def _delays(run: RunRecord, step: StepRecord, scale: _Scale) -> Iterable[Bar]:
    """Yield why a future did not start yet: it waited for other futures, then it queued.

    While a step of the main line lets no future start, it queues, too.
    """
    others = {other.name: other.end for other in run.futures}
    ends = [others[name] for name in step.waits if name in others]
    free = step.declared
    if ends:
        begun = startable(step, {other.task: other.end for other in run.steps if other.task})
        free = min(max(begun, *ends), step.declared)
        title = f"{step.name} waits for {', '.join(step.waits)}"
        yield replace(scale.bar("held", begun, free), title=title)
    yield scale.bar("queue", free, step.start)


def _waited_bars(step: StepRecord, waits: Iterable[WaitRecord], scale: _Scale) -> Iterable[Bar]:
    """Yield the times in which the main line waited for a future, as far as it ran then."""
    for wait in waits:
        if wait.name == step.name and wait.start < step.end and wait.end > step.start:
            yield scale.bar("waited", max(wait.start, step.start), min(wait.end, step.end))


# -- curves --------------------------------------------------------------------------------------


def _curves(run: RunRecord, scale: _Scale) -> Iterable[Curve]:
    running = concurrency(run)
    most = max((point.value for point in running), default=0)
    yield Curve(
        label="at once",
        top=most,
        area=_area(running, scale, most),
        about=(
            f"how many things ran at once, the main line among them: at most {most:.0f}, "
            f"{_average(running):.1f} on average"
        ),
    )
    ours, machine = cores_of_run(run), cores_of_machine(run)
    if ours:
        top = max(run.cores, *(point.value for point in (*ours, *machine)))
        yield Curve(
            label="processors",
            top=top,
            area=_area(ours, scale, top),
            line=_path(machine, scale, top),
            level=round(HEIGHT * (1 - run.cores / top), 2),
            about=(
                f"how many of {run.cores} processors the run and its services kept busy: "
                f"{_average(ours):.1f} on average; the line is the whole machine, with "
                f"everybody else: {_average(machine):.1f} on average"
            ),
        )


def _average(points: Sequence[Point]) -> float:
    if len(points) < 2:
        return 0.0
    total = sum(point.value * (after.time - point.time) for point, after in pairwise(points))
    return total / (points[-1].time - points[0].time)


def _area(points: Sequence[Point], scale: _Scale, top: float) -> str:
    path = _path(points, scale, top)
    return f"{path}V{HEIGHT}H{_x(points[0], scale)}Z" if path else ""


def _path(points: Sequence[Point], scale: _Scale, top: float) -> str:
    """Return a path in steps: each value holds until the next point."""
    if len(points) < 2 or top <= 0:
        return ""
    first, *rest = _visible(points, scale)
    parts = [f"M{_x(first, scale)} {_y(first, top)}"]
    parts += [f"H{_x(point, scale)}V{_y(point, top)}" for point in rest[:-1]]
    return "".join([*parts, f"H{_x(points[-1], scale)}"])


def _visible(points: Sequence[Point], scale: _Scale) -> list[Point]:
    """Return the points without those that are too short to be visible: they would be slits."""
    long_enough = [
        point
        for point, after in pairwise(points)
        if scale.percent(after.time) - scale.percent(point.time) >= 100 / WIDTH
    ]
    return [*long_enough, points[-1]]


def _x(point: Point, scale: _Scale) -> str:
    return f"{scale.percent(point.time) * WIDTH / 100:g}"


def _y(point: Point, top: float) -> str:
    return f"{HEIGHT * (1 - point.value / top):.5g}"
