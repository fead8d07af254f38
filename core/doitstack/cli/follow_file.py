"""Read a log that may still grow, byte by byte."""

import os
import time
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path

POLL_SECONDS = 0.2
"""Seconds between two checks of a log that is followed."""

CHUNK = 1 << 20
"""Bytes per read."""


class Follower:
    """Reads what is added to the file `path`, even if it is truncated or replaced.

    Begins with the last `lines` lines of the existing file (None: with all).
    """

    def __init__(self, path: Path, lines: int | None = None) -> None:
        self._path = path
        self._file: FileIO | None = None
        if self._opens_another() and lines is not None:
            assert self._file
            self._file.seek(_last_lines(self._file, lines))

    def __enter__(self) -> "Follower":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def read_new(self) -> Iterator[bytes]:
        """Yield what was added since the last call."""
        yield from self._rest()
        while self._opens_another():
            yield from self._rest()

    def follow(self, is_over: Callable[[], bool]) -> Iterator[bytes]:
        """Yield what exists and what is added, until `is_over` returns True."""
        over = False
        while not over:
            # Read once more after the end.
            over = is_over()
            yield from self.read_new()
            if not over:
                time.sleep(POLL_SECONDS)

    def _rest(self) -> Iterator[bytes]:
        if self._file is None:
            return
        if os.fstat(self._file.fileno()).st_size < self._file.tell():
            self._file.seek(0)
        while chunk := self._file.read(CHUNK):
            yield chunk

    def _opens_another(self) -> bool:
        """Open the file that has the name now; return whether it was not open already."""
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        if self._file:
            if os.path.samestat(there, os.fstat(self._file.fileno())):
                return False
            self._file.close()
        self._file = FileIO(self._path)
        return True


def _last_lines(file: FileIO, lines: int) -> int:
    """Return the position at which the last `lines` lines begin."""
    end = file.seek(0, os.SEEK_END)
    if not lines:
        return end
    # A newline at the very end only closes the last line.
    position = end - 1
    while position > 0:
        start = max(0, position - CHUNK)
        file.seek(start)
        block = file.read(position - start)
        at = len(block)
        while lines and (at := block.rfind(b"\n", 0, at)) >= 0:
            lines -= 1
        if not lines:
            return start + at + 1
        position = start
    return 0
