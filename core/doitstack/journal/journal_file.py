"""`$LOGDIR/runs/TIME.jsonl`: the journal of a run, one event a line, written as it happens.

It is the one source of timing, reports and history. What the events mean is for its readers.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from doitstack.journal.event_codec import decode, encode
from doitstack.journal.events import Event, FutureEnd, StepEnd
from doitstack.processes.line_buffer import LineBuffer


class Journal:
    """Appends events to a file. Forked children may append as well: a line is one write.

    `redact` returns a text with stars instead of secrets; it is applied to errors.

    Attributes:
        loss: why events are missing, in the words of the system; empty if none is.
    """

    def __init__(self, path: Path, redact: Callable[[str], str] = str) -> None:
        self.path = path
        self.loss = ""
        self._redact = redact
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        # A step of the wall clock must not make a negative duration.
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Return the time in s since the epoch, which never goes backwards within a run."""
        return time.monotonic() + self._offset

    def write(self, event: Event) -> None:
        """Append an event that happens now. A full disk loses events, not the run."""
        if isinstance(event, (StepEnd, FutureEnd)) and event.error:
            event = replace(event, error=self._redact(event.error))
        try:
            os.write(self._descriptor, encode(event, self.now()))
        except OSError as error:
            self.loss = error.strerror or repr(error)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def read_events(path: Path) -> Iterator[Event]:
    """Yield the events of a journal; lines that a crash has damaged are skipped."""
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n") and (event := decode(line)):
                yield event


def first_event(path: Path) -> Event | None:
    """Return the first event of a journal, if it has one."""
    return next(read_events(path), None)


class JournalReader:
    """Reads on in a journal that is being written."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._buffer = LineBuffer()

    def read(self) -> Iterator[Event]:
        """Yield the events that have been added since the last time."""
        while data := os.read(self._descriptor, 1 << 16):
            yield from filter(None, map(decode, self._buffer.lines(data)))

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def run_journals(log_dir: Path) -> list[Path]:
    """Return the journals of all runs, the oldest first."""
    return sorted(path for path in (log_dir / "runs").glob("*.jsonl") if path.is_file())


def prune_journals(log_dir: Path, keep: int) -> None:
    """Remove the oldest journals, so that `keep` are left; 0 keeps all."""
    for path in run_journals(log_dir)[:-keep] if keep else ():
        with suppress(OSError):
            path.unlink()


def new_journal_path(log_dir: Path) -> Path:
    """Return the path of the journal of a run that starts now; its name is the last of all."""
    # One look at the clock: `gmtime()` of its own is behind by up to 4 ms, so by a second at times.
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds))
    name = f"{stamp}.{nanoseconds:09d}"
    if (last := run_journals(log_dir)[-1:]) and name <= last[0].stem:
        name = _name_after(last[0].stem)
    return log_dir / "runs" / f"{name}.jsonl"


def _name_after(name: str) -> str:
    """Return the next name of a run: the clock may have been set back since the last one."""
    seconds, _, nanoseconds = name.rpartition(".")
    return f"{seconds}.{int(nanoseconds) + 1:09d}" if nanoseconds.isdecimal() else f"{name}.0"
