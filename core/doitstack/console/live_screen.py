"""What runs, for how long, and how long still: lines that stay below the output of a run.

Reads the run's journal and nothing else of it; draws when it is asked to, in the one thread that
there is.
"""

import io
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.rule import Rule
from rich.text import Text

from doitstack.console.screens import Screen, WholeLines
from doitstack.console.terminal_footer import Line, Region
from doitstack.journal.progress import Progress, Standing, Watched, left
from doitstack.journal.raw_events import JournalReader
from doitstack.planning.plan import PlannedStep

EVERY = 0.2
"""Seconds between two looks at what has changed."""

LOW = 10
"""Lines of a terminal below which there is no room for a rule."""

SHORTEST = 4
"""Columns that a name keeps, however little room there is."""


@dataclass(frozen=True)
class Watch:
    """What the live lines are made from.

    `expected` says how long (s) steps and futures took last time; `plan` gives the steps that are
    wanted, as far as they are known by now; `now` the time in s since the epoch.
    """

    journal: Path
    plan: Callable[[], Sequence[PlannedStep]]
    expected: Mapping[str, float]
    now: Callable[[], float]
    main_log: Path
    future_logs: Path


class LiveScreen(Screen):
    """Shows the log as it comes, and below it what the run is doing."""

    def __init__(self, descriptor: int, watch: Watch) -> None:
        self._region = Region(descriptor)
        self._watch = watch
        self._reader = JournalReader(watch.journal)
        self._progress = Progress()
        self._whole = WholeLines()
        self._lines: Sequence[Line] = ()
        self._seen = (0.0, self._region.size)
        self._is_over = False

    def undisturbed(self) -> AbstractContextManager[object]:
        """Return the block in which it is used: what must be done in one go can be."""
        return self._region.undisturbed()

    def show(self, data: bytes) -> None:
        """Add to what scrolls. The beginning of a line waits for its end."""
        if self._is_over:
            self._region.draw(data, ())
        elif whole := self._whole.take(data):
            self._region.draw(whole, self._current())

    def refresh(self) -> None:
        """Show what has changed."""
        if not self._is_over:
            self._region.draw(b"", self._current())

    def _current(self) -> Sequence[Line]:
        now, size = time.monotonic(), self._region.size
        before, old_size = self._seen
        if now - before >= EVERY or size != old_size:
            for event in self._reader.read():
                self._progress.follow(event)
            self._seen = (now, size)
            self._lines = render(self._progress, self._watch, size)
        return self._lines

    def conclude(self) -> None:
        """Take the lines away: what comes now is said once and stays."""
        self._is_over = True
        self._region.draw(self._whole.rest(), ())

    def let_go(self) -> None:
        """In a forked child: leave the terminal to the main process."""
        self._region.let_go()
        self._reader.close()

    def close(self) -> None:
        """Leave the terminal as it was."""
        self.conclude()
        self._region.close()
        self._reader.close()


def render(progress: Progress, watch: Watch, size: os.terminal_size) -> list[Line]:
    """Return the lines that tell of a run on a terminal of that size: half of it at most."""
    # In the last column, some terminals fold a line and some do not.
    width = max(1, size.columns - 1)
    console = Console(
        file=io.StringIO(),
        force_terminal=True,
        width=width,
        height=size.lines,
        legacy_windows=False,
    )
    room = max(1, size.lines // 2)
    parts = list(_parts(progress, watch, width=width, room=room - (size.lines >= LOW)))
    if size.lines >= LOW:
        parts.insert(0, Rule(style="dim", characters="-"))
    return _lines(console, Group(*parts))


def _lines(console: Console, renderable: RenderableType) -> list[Line]:
    with console.capture() as capture:
        console.print(renderable, end="")
    return [Line(text, cell_len(Text.from_ansi(text).plain)) for text in capture.get().splitlines()]


def _parts(progress: Progress, watch: Watch, *, width: int, room: int) -> Iterator[RenderableType]:
    """Yield the main line, futures and the sum of it, in `room` lines."""
    now = watch.now()
    summary = _summary(progress, watch, now)
    if room > 1:
        yield _main_line(progress, watch, now, width)
    if room > 2:
        yield from _futures(progress, watch, now, width=width, room=room - 2)
    yield summary


def _main_line(progress: Progress, watch: Watch, now: float, width: int) -> Text:
    """Return the phase and what is done in it; a name is cut to leave room for its time."""
    if progress.awaited is not None:
        name, style = f"waiting for {progress.awaited or 'the next future'}", ""
        age = f"  {_clock(now - progress.awaited_since)}"
    elif progress.step:
        name, style = progress.step, "bold"
        age = f"  {_age(now - progress.step_since, watch.expected.get(progress.task))}"
    else:
        name = style = age = ""
    phase = Text(progress.phase or "start", style="bold cyan")
    what = Text(f"  {name}" if name else "", style=style)
    room = width - phase.cell_len - cell_len(age)
    what.truncate(max(SHORTEST, room), overflow="ellipsis")
    return Text.assemble(phase, what, age, no_wrap=True, overflow="ellipsis")


def _futures(
    progress: Progress, watch: Watch, now: float, *, width: int, room: int
) -> Iterator[Text]:
    queued = [watched.name for watched in progress.of(Standing.QUEUED)]
    shown = progress.of(Standing.FAILED) + progress.of(Standing.RUNNING)
    room -= bool(queued)
    if len(shown) > room:
        hidden = [watched.name for watched in shown[max(0, room - 1) :]]
        shown = shown[: max(0, room - 1)]
    else:
        hidden = []
    if shown:
        yield from _rows(shown, watch, now, width)
    if hidden and room > 0:
        yield _row(f"  and {len(hidden)} more: {', '.join(hidden)}")
    if queued:
        yield _row(f"  {len(queued)} queued: {', '.join(queued)}")


def _rows(shown: Sequence[Watched], watch: Watch, now: float, width: int) -> Iterator[Text]:
    """Yield a row for each future: times always, names cut to leave them room, logs that fit."""
    facts = _columns(
        [_clock((watched.until or now) - watched.since) for watched in shown],
        [_verdict(watched, watch.expected.get(watched.name)) for watched in shown],
    )
    longest = max(cell_len(watched.name) for watched in shown) + 2
    room = max(SHORTEST, min(longest, width - len(facts[0])))
    for watched, fact in zip(shown, facts, strict=True):
        row = Text(f"  {watched.name}", no_wrap=True, overflow="ellipsis")
        row.truncate(room, overflow="ellipsis", pad=True)
        row.append(fact)
        log = f"  {_short(watch.future_logs / f'{watched.name}.log')}"
        row.append(log if row.cell_len + cell_len(log) <= width else "")
        row.stylize("red" if watched.standing is Standing.FAILED else "")
        yield row


def _columns(*columns: Sequence[str]) -> list[str]:
    """Return the rows that columns make; an empty column takes no room."""
    widths = [max(map(len, column)) for column in columns]
    return [
        "".join(f"  {cell:<{width}}" for cell, width in zip(row, widths, strict=True) if width)
        for row in zip(*columns, strict=True)
    ]


def _verdict(watched: Watched, before: float | None) -> str:
    """Return how it has failed, or how long it took last time."""
    if watched.standing is Standing.FAILED:
        return f"FAILED ({watched.rc})"
    return "" if before is None else f"last {_clock(before)}"


def _summary(progress: Progress, watch: Watch, now: float) -> Text:
    plan = watch.plan()
    ended, total = progress.count(plan)
    parts = [f"{ended}/{total} steps"] if total else []
    parts.append(f"{_clock(now - progress.start)} gone")
    if estimate := left(progress, plan, watch.expected, now):
        about = "about" if estimate.is_known else "at least"
        parts.append(f"{about} {_clock(estimate.seconds)} left")
    parts.append(f"log {_short(watch.main_log)}")
    return _row(", ".join(parts))


def _row(text: str) -> Text:
    return Text(text, style="dim", no_wrap=True, overflow="ellipsis")


def _age(seconds: float, before: float | None) -> str:
    return _clock(seconds) if before is None else f"{_clock(seconds)} (last {_clock(before)})"


def _clock(seconds: float) -> str:
    """Return a time as people read it: `12 s`, `1:35`, `1:02:03`."""
    whole = int(max(0.0, seconds) + 0.5)
    minutes, rest = divmod(whole, 60)
    if not minutes:
        return f"{whole} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _short(path: Path) -> str:
    """Return a path as it is typed here: from the current directory on, where that is above it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
