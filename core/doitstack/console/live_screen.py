"""Lines below the output of a run that show what runs, for how long, and how much is left.

They are made from the journal of the run, and drawn when the main log calls for it.
"""

import io
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.rule import Rule
from rich.text import Text

from doitstack.console.escape_sequences import without_sequences
from doitstack.console.screens import Screen, WholeLines, coloured
from doitstack.console.terminal_footer import Line, Region
from doitstack.journal.journal_file import JournalReader
from doitstack.journal.progress import count_ended, futures_in, phase_of, remaining_time
from doitstack.journal.run_record import RunRecord
from doitstack.journal.status import Status
from doitstack.journal.step_record import StepRecord
from doitstack.planning.plan import PlannedStep
from doitstack.records import Record
from doitstack.reports.formatting import format_clock, short_path

EVERY = 0.2
"""Seconds between two updates."""

LOW = 10
"""A terminal with fewer lines has no room for a rule."""

SHORTEST = 4
"""Columns that a name always keeps."""


class Watch(Record):
    """The sources of the live lines.

    `expected` has how long (s) steps and futures took last time; `plan` returns the selected steps
    so far; `now` returns the time in s since the epoch.
    """

    journal: Path
    plan: Callable[[], Sequence[PlannedStep]]
    expected: Mapping[str, float]
    now: Callable[[], float]
    main_log: Path
    future_logs: Path


class LiveScreen(Screen):
    """Shows the log as it comes, and below it what the run is doing."""

    def __init__(self, descriptor: int, watch: Watch, *, has_colours: bool = False) -> None:
        """Show on the terminal `descriptor`; `has_colours` is for the closing message."""
        self._has_colours = has_colours
        self._region = Region(descriptor)
        self._watch = watch
        self._reader = JournalReader(watch.journal)
        self._record = RunRecord(watch.journal.stem)
        self._whole = WholeLines()
        self._lines: Sequence[Line] = ()
        self._seen = (0.0, self._region.size)
        self._is_over = False

    def undisturbed(self) -> AbstractContextManager[object]:
        """Return a context manager in which drawing cannot be interrupted."""
        return self._region.undisturbed()

    def show(self, data: bytes) -> None:
        """Add output above the lines, without what would change the terminal.

        A line appears when it is complete.
        """
        if self._is_over:
            ending = without_sequences(data)
            self._region.draw(coloured(ending) if self._has_colours else ending, ())
        elif whole := self._whole.take(data):
            self._region.draw(without_sequences(whole), self._current())

    def refresh(self) -> None:
        """Show what has changed."""
        if not self._is_over:
            self._region.draw(b"", self._current())

    def _current(self) -> Sequence[Line]:
        now, size = time.monotonic(), self._region.size
        before, old_size = self._seen
        if now - before >= EVERY or size != old_size:
            for event in self._reader.read():
                self._record.add(event)
            self._seen = (now, size)
            self._lines = render(self._record, self._watch, size)
        return self._lines

    def conclude(self) -> None:
        """Remove the lines; from now on output is shown as it is."""
        self._is_over = True
        self._region.draw(without_sequences(self._whole.rest()), ())

    def detach(self) -> None:
        """In a forked child: close the terminal and the journal."""
        self._region.detach()
        self._reader.close()

    def close(self) -> None:
        """Leave the terminal as it was."""
        self.conclude()
        self._region.close()
        self._reader.close()


def render(run: RunRecord, watch: Watch, size: os.terminal_size) -> list[Line]:
    """Return the lines about a run for a terminal of that size: at most half of it."""
    # Some terminals wrap a line that reaches the last column.
    width = max(1, size.columns - 1)
    console = Console(
        file=io.StringIO(),
        force_terminal=True,
        width=width,
        height=size.lines,
        legacy_windows=False,
    )
    room = max(1, size.lines // 2)
    parts = list(_parts(run, watch, width=width, room=room - (size.lines >= LOW)))
    if size.lines >= LOW:
        parts.insert(0, Rule(style="dim", characters="-"))
    return _lines(console, Group(*parts))


def _lines(console: Console, renderable: RenderableType) -> list[Line]:
    with console.capture() as capture:
        console.print(renderable, end="")
    return [Line(text, cell_len(Text.from_ansi(text).plain)) for text in capture.get().splitlines()]


def _parts(run: RunRecord, watch: Watch, *, width: int, room: int) -> Iterator[RenderableType]:
    """Yield the main line, the futures and a summary, in at most `room` lines."""
    now = watch.now()
    summary = _summary(run, watch, now)
    if room > 1:
        yield _main_line(run, watch, now, width)
    if room > 2:
        yield from _futures(run, watch, now, width=width, room=room - 2)
    yield summary


def _main_line(run: RunRecord, watch: Watch, now: float, width: int) -> Text:
    """Return the phase and its current step; a name is cut to leave room for its time."""
    if wait := run.wait:
        name, style = f"waiting for {wait.name or 'the next future'}", ""
        age = f"  {format_clock(now - wait.start)}"
    elif step := run.current:
        name, style = step.label, "bold"
        age = f"  {_age(now - step.declared, watch.expected.get(step.task))}"
    else:
        name = style = age = ""
    phase = Text(phase_of(run) or "start", style="bold cyan")
    what = Text(f"  {name}" if name else "", style=style)
    room = width - phase.cell_len - cell_len(age)
    what.truncate(max(SHORTEST, room), overflow="ellipsis")
    return Text.assemble(phase, what, age, no_wrap=True, overflow="ellipsis")


def _futures(run: RunRecord, watch: Watch, now: float, *, width: int, room: int) -> Iterator[Text]:
    queued = [future.name for future in futures_in(run, Status.QUEUED)]
    shown = futures_in(run, Status.FAILED) + futures_in(run, Status.RUNNING)
    room -= bool(queued)
    if len(shown) > room:
        hidden = [future.name for future in shown[max(0, room - 1) :]]
        shown = shown[: max(0, room - 1)]
    else:
        hidden = []
    if shown:
        yield from _rows(shown, watch, now, width)
    if hidden and room > 0:
        yield _row(f"  and {len(hidden)} more: {', '.join(hidden)}")
    if queued:
        yield _row(f"  {len(queued)} queued: {', '.join(queued)}")


def _rows(shown: Sequence[StepRecord], watch: Watch, now: float, width: int) -> Iterator[Text]:
    """Yield a row for each future: all of its times, a name cut to fit, a log if there is room."""
    ends = [now if future.status is Status.RUNNING else future.end for future in shown]
    facts = _columns(
        [format_clock(end - future.start) for future, end in zip(shown, ends, strict=True)],
        [_result(future, watch.expected.get(future.name)) for future in shown],
    )
    longest = max(cell_len(future.name) for future in shown) + 2
    room = max(SHORTEST, min(longest, width - len(facts[0])))
    for future, fact in zip(shown, facts, strict=True):
        row = Text(f"  {future.name}", no_wrap=True, overflow="ellipsis")
        row.truncate(room, overflow="ellipsis", pad=True)
        row.append(fact)
        log = f"  {short_path(watch.future_logs / f'{future.name}.log')}"
        row.append(log if row.cell_len + cell_len(log) <= width else "")
        row.stylize("red" if future.status is Status.FAILED else "")
        yield row


def _columns(*columns: Sequence[str]) -> list[str]:
    """Return columns as rows; an empty column takes no room."""
    widths = [max(map(len, column)) for column in columns]
    return [
        "".join(f"  {cell:<{width}}" for cell, width in zip(row, widths, strict=True) if width)
        for row in zip(*columns, strict=True)
    ]


def _result(future: StepRecord, before: float | None) -> str:
    """Return how a future has failed, or how long it took last time."""
    if future.status is Status.FAILED:
        return f"FAILED ({future.rc})"
    return "" if before is None else f"last {format_clock(before)}"


def _summary(run: RunRecord, watch: Watch, now: float) -> Text:
    plan = watch.plan()
    ended, total = count_ended(run, plan)
    parts = [f"{ended}/{total} steps"] if total else []
    parts.append(f"{format_clock(now - run.start)} gone")
    if estimate := remaining_time(run, plan, watch.expected, now):
        about = "about" if estimate.is_known else "at least"
        parts.append(f"{about} {format_clock(estimate.seconds)} left")
    parts.append(f"log {short_path(watch.main_log)}")
    return _row(", ".join(parts))


def _row(text: str) -> Text:
    return Text(text, style="dim", no_wrap=True, overflow="ellipsis")


def _age(seconds: float, before: float | None) -> str:
    return (
        format_clock(seconds)
        if before is None
        else f"{format_clock(seconds)} (last {format_clock(before)})"
    )
