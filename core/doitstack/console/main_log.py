"""`$LOGDIR/stack.log`: the output of the main line, followed to the screen.

Everything is written into the file first and shown from there, so that the order on the screen is
the order in the file, and a daemon that keeps a step's output open delays nothing. Secrets are
overwritten with stars in the file when they would be shown, at most a quarter of a second later.
"""

import _signal  # without conversions to enumerations, for each step
import errno
import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from doitstack.config.masking import CHUNK, Mask, Masked, overwrite
from doitstack.console.screens import Screen, write_all
from doitstack.private_files import open_regular

__all__ = ["CHUNK", "SILENCE", "MainLog", "append_line", "write_all"]

SILENCE = 30.0
"""Seconds without output after which a line shows what is still running."""


_SHORT = 1 << 16
"""The most bytes of a log that is masked again when it is inserted."""


class MainLog:
    """The main line's log; `descriptor` is open for appending and may be given to programs.

    `loss` is why lines are missing, in the words of the system; empty if none is.
    """

    def __init__(self, path: Path, mask: Callable[[], Mask] = Mask) -> None:
        """Open the log at `path`; it is not shown before `show_on`.

        `mask` returns the mask of the secrets that are known by now.
        """
        self.path = path
        self.loss = ""
        self.descriptor = open_regular(path, os.O_CREAT | os.O_RDWR | os.O_APPEND)
        # One that is open for appending writes at the end only.
        self._overwriting = open_regular(path, os.O_RDWR)
        self._mask = mask
        self._seen = self._shown = os.fstat(self.descriptor).st_size
        self._screen = Screen()
        self._saved: list[int] = []
        self._is_showing = False
        self._last_news = time.monotonic()
        self.on_silence: Callable[[], str] = str
        self.on_tick: Callable[[], None] = self.show

    def show_on(self, screen: Screen) -> None:
        """Show new output on `screen`, and close it at the end of the block."""
        self._screen = screen

    @property
    def size(self) -> int:
        """The size in bytes: the position of the next output."""
        return os.fstat(self.descriptor).st_size

    def write(self, text: str) -> None:
        """Add lines and show them, even if the disk is full."""
        self.add(text)
        self.show()

    def add(self, text: str) -> None:
        """Add lines, which the next tick shows; if the disk is full, they are only shown."""
        data = text.encode(errors="surrogateescape")
        try:
            with self._alone():
                _write_lines(self.descriptor, data)
        except OSError as error:
            self.loss = error.strerror or repr(error)
            self.show()
            with self._on_screen() as screen:
                screen.show(self._mask().data(data))

    def insert(self, path: Path | str, masked: Masked | None = None) -> tuple[int, int]:
        """Add another log, in one piece and in constant memory; the next tick shows it.

        `masked` is what needs no mask. Returns where in this file the log begins and ends. A full
        disk loses its rest, not the run: it is still where it was.
        """
        try:
            source = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return self.size, self.size
        start = self.size
        try:
            with self._alone():
                start = _write_lines(self.descriptor, b"")
                self._copy(source, masked)
                end = self.size
        except OSError as error:
            end = self.size
            reason = error.strerror
            self.add(f"WARNING: {path} cannot be inserted here: {reason}; read it there\n")
        finally:
            os.close(source)
        return start, end

    def _copy(self, source: int, masked: Masked | None) -> None:
        last, copied = b"\n", 0
        while chunk := os.read(source, CHUNK):
            last, copied = chunk[-1:], copied + len(chunk)
            if masked and self._is_masked(masked, copied, chunk):
                self._add_masked(chunk)
            else:
                write_all(self.descriptor, chunk)
        if last != b"\n":
            write_all(self.descriptor, b"\n")

    def show(self, *, is_end: bool = False) -> None:
        """Copy new output to the screen; what may be the beginning of a secret only at the end.

        After SILENCE seconds without output, add the line that `on_silence` returns.
        """
        # The tick of a long step may come during this, and would show the same output twice.
        if self._is_showing:
            return
        self._is_showing = True
        try:
            self._show_new(is_end=is_end)
        finally:
            self._is_showing = False

    def _show_new(self, *, is_end: bool) -> None:
        size = os.fstat(self.descriptor).st_size
        if size > self._seen or (is_end and size > self._shown):
            self._seen = size
            self._last_news = time.monotonic()
            self._copy_to_screen(size, is_end=is_end)
        elif time.monotonic() - self._last_news > SILENCE:
            self._last_news = time.monotonic()
            if line := self.on_silence():
                self.write(f"{line}\n")
                self._copy_to_screen(self.size, is_end=False)
        with self._on_screen() as screen:
            screen.refresh()

    def _is_masked(self, masked: Masked, end: int, chunk: bytes) -> bool:
        """Return whether a chunk up to the byte `end` of a log needs no mask.

        A short log is masked again: to show it apart from other lines takes longer.
        """
        is_known = masked.size > _SHORT and masked.mask is self._mask()
        return is_known and masked.covers(end, chunk)

    def _add_masked(self, chunk: bytes) -> None:
        """Add and show a masked chunk.

        If others write there as well, or something is to be shown first, `show` does the rest.
        """
        self.show()
        begin = self.size
        end = begin + len(chunk)
        write_all(self.descriptor, chunk)
        if self._is_showing or self._shown != begin or self.size != end:
            return
        self._is_showing = True
        try:
            self._seen = end
            self._last_news = time.monotonic()
            with self._on_screen() as screen:
                screen.show(chunk)
                self._shown = end
        finally:
            self._is_showing = False

    def _copy_to_screen(self, size: int, *, is_end: bool) -> None:
        """Show the output up to the byte `size`: a device has none, and some never end."""
        mask = self._mask()
        while self._shown < size:
            data = os.pread(self.descriptor, min(CHUNK, size - self._shown), self._shown)
            is_whole = is_end and self._shown + len(data) == size
            masked = mask.data(data) if is_whole else mask.settled(data)
            overwrite(self._overwriting, self._shown, data, masked)
            if not masked:
                return
            with self._on_screen() as screen:
                screen.show(masked)
                self._shown += len(masked)

    @contextmanager
    def _on_screen(self) -> Iterator[Screen]:
        """Yield the screen; after it could not be written to, show nothing more.

        If its reader has gone, that is no news; otherwise stderr says it.
        """
        try:
            with self._screen.undisturbed():
                yield self._screen
        except OSError as error:
            self._screen = Screen()
            if error.errno == errno.EPIPE:
                return
            stderr = self._saved[1] if self._saved else 2
            message = f"WARNING: no more output is shown: {error.strerror}; see {self.path}\n"
            with suppress(OSError):
                write_all(stderr, message.encode(errors="surrogateescape"))

    def conclude(self) -> None:
        """Show the rest; what comes now is the closing message of the run."""
        self.show(is_end=True)
        with self._on_screen() as screen:
            screen.conclude()

    @contextmanager
    def capture(self) -> Iterator[None]:
        """Redirect stdout and stderr of this process to the log, and show them as they come."""
        sys.stdout.flush()
        sys.stderr.flush()
        self._saved = saved = [os.dup(1), os.dup(2)]
        streams = (sys.stdout, sys.stderr)
        replacements = [
            open(fd, "w", buffering=1, closefd=False, errors="backslashreplace")  # noqa: SIM115
            for fd in (1, 2)
        ]
        os.dup2(self.descriptor, 1)
        os.dup2(self.descriptor, 2)
        sys.stdout, sys.stderr = replacements
        try:
            with self._ticking():
                yield
        finally:
            for stream in replacements:
                with suppress(OSError, ValueError):
                    stream.flush()
            sys.stdout, sys.stderr = streams
            os.dup2(saved[0], 1)
            os.dup2(saved[1], 2)
            self._saved = []
            for fd in saved:
                os.close(fd)
            self.show()

    @contextmanager
    def _ticking(self) -> Iterator[None]:
        """Show the output of a long Python step, which occupies the only thread."""

        is_busy = False

        def tick(_number: int, _frame: FrameType | None) -> None:
            nonlocal is_busy
            # On a busy machine, the next signal may come before a tick has ended.
            if not is_busy:
                is_busy = True
                try:
                    self.on_tick()
                finally:
                    is_busy = False

        previous = _signal.signal(_signal.SIGALRM, tick)
        _signal.setitimer(_signal.ITIMER_REAL, 0.25, 0.25)
        try:
            yield
        finally:
            _signal.setitimer(_signal.ITIMER_REAL, 0)
            _signal.signal(_signal.SIGALRM, previous)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Prevent a future's finish line from being written into the middle of a log."""
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self.descriptor, fcntl.LOCK_UN)

    def detach(self) -> None:
        """In a forked child: close the screen, so that no daemon keeps it open."""
        for fd in self._saved:
            os.close(fd)
        self._screen.detach()
        self._screen = Screen()

    def close(self) -> None:
        """Show the rest and close the log."""
        self.show(is_end=True)
        os.close(self.descriptor)
        os.close(self._overwriting)
        with self._on_screen() as screen:
            screen.close()


def append_line(path: Path | str, line: str) -> None:
    """Add a line to a main log from another process."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        _write_lines(descriptor, line.encode(errors="surrogateescape"))
    finally:
        os.close(descriptor)


def _write_lines(descriptor: int, lines: bytes) -> int:
    """Write whole lines, below a line that a program has begun and not ended; return where."""
    size = os.fstat(descriptor).st_size
    is_within_line = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    write_all(descriptor, b"\n" * is_within_line + lines)
    return size + is_within_line
