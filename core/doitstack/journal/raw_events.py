"""`$LOGDIR/runs/TIME.jsonl`: what happened in a run, one JSON event a line, as it happens.

The one source of timing, reports and history. Only writes and reads events; draws no conclusion.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Event:
    """One event: when (s since the epoch), what kind, and its own fields."""

    time: float
    kind: str
    fields: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the field `name`, or `default`."""
        return self.fields.get(name, default)


def read_events(path: Path) -> Iterator[Event]:
    """Yield the events of a journal; half a line at its end, left by a crash, is passed over."""
    with path.open("rb") as lines:
        for line in lines:
            if not line.endswith(b"\n"):
                return
            yield from _events(line)


def _events(line: bytes) -> Iterator[Event]:
    """Yield the event of a line; one that was not written in whole has none."""
    try:
        fields = json.loads(line)
    except ValueError:
        return
    yield Event(fields.pop("time"), fields.pop("event"), fields)


class JournalReader:
    """Reads on in a journal that is being written."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._rest = b""

    def read(self) -> Iterator[Event]:
        """Yield the events that have been added since the last time."""
        while data := os.read(self._descriptor, 1 << 16):
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                yield from _events(line)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


def run_journals(log_dir: Path) -> list[Path]:
    """Return the journals of all runs, the oldest first."""
    return sorted((log_dir / "runs").glob("*.jsonl"))
