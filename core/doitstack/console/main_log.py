"""`$LOGDIR/stack.log`: the output of the main line, followed to the screen.

Everything is written into the file first and shown from there, so that the order on the screen is
the order in the file, and a daemon that keeps a step's output open delays nothing.
"""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from doitstack.console.screens import Screen, write_all
from doitstack.private_files import open_regular

__all__ = ["CHUNK", "SILENCE", "MainLog", "append_line", "write_all"]

SILENCE = 30.0
"""Seconds without output after which a line shows what is still running."""

CHUNK = 1 << 20
"""Bytes that are copied at a time, so that a log of any size needs no more memory."""


class MainLog:
    """The main line's log; `descriptor` is open for appending and may be given to programs."""

    def __init__(self, path: Path) -> None:
        """Open the log at `path`; it is not shown before `show_on`."""
        self.path = path
        self.descriptor = open_regular(path, os.O_CREAT | os.O_RDWR | os.O_APPEND)
        self._shown = os.fstat(self.descriptor).st_size
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
        data = text.encode(errors="surrogateescape")
        try:
            with self._alone():
                write_all(self.descriptor, data)
        except OSError:
            self.show()
            with self._on_screen() as screen:
                screen.show(data)
            return
        self.show()

    def insert(self, path: Path) -> tuple[int, int]:
        """Add another log, in one piece and in constant memory.

        Returns where in this file it begins and ends. A full disk loses its rest, not the run: it
        is still where it was.
        """
        try:
            source = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return self.size, self.size
        start = self.size
        try:
            with self._alone():
                start = self.size
                self._copy(source)
                end = self.size
        except OSError as error:
            end = self.size
            self.write(f"\nWARNING: {path} does not fit in here: {error.strerror}; read it there\n")
        finally:
            os.close(source)
        self.show()
        return start, end

    def _copy(self, source: int) -> None:
        last = b"\n"
        while chunk := os.read(source, CHUNK):
            write_all(self.descriptor, chunk)
            last = chunk[-1:]
            self.show()
        if last != b"\n":
            write_all(self.descriptor, b"\n")

    def show(self) -> None:
        """Copy new output to the screen.

        After SILENCE seconds without output, add the line that `on_silence` returns.
        """
        # The tick of a long step may come during this, and would show the same output twice.
        if self._is_showing:
            return
        self._is_showing = True
        try:
            self._look()
        finally:
            self._is_showing = False

    def _look(self) -> None:
        if os.fstat(self.descriptor).st_size > self._shown:
            self._last_news = time.monotonic()
            self._copy_to_screen()
        elif time.monotonic() - self._last_news > SILENCE:
            self._last_news = time.monotonic()
            if line := self.on_silence():
                self.write(f"{line}\n")
                self._copy_to_screen()
        with self._on_screen() as screen:
            screen.refresh()

    def _copy_to_screen(self) -> None:
        while chunk := os.pread(self.descriptor, CHUNK, self._shown):
            with self._on_screen() as screen:
                screen.show(chunk)
                self._shown += len(chunk)

    @contextmanager
    def _on_screen(self) -> Iterator[Screen]:
        """Yield the screen; after the reader of our output has gone, show nothing more."""
        try:
            with self._screen.undisturbed():
                yield self._screen
        except OSError:
            self._screen = Screen()

    def conclude(self) -> None:
        """Show the rest; what comes now is the closing message of the run."""
        self.show()
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

        def tick(_number: int, _frame: FrameType | None) -> None:
            self.on_tick()

        previous = signal.signal(signal.SIGALRM, tick)
        signal.setitimer(signal.ITIMER_REAL, 0.25, 0.25)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Prevent a future's finish line from being written into the middle of a log."""
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self.descriptor, fcntl.LOCK_UN)

    def let_go(self) -> None:
        """In a forked child: close the screen, so that no daemon keeps it open."""
        for fd in self._saved:
            os.close(fd)
        self._screen.let_go()
        self._screen = Screen()

    def close(self) -> None:
        """Show the rest and close the log."""
        self.show()
        os.close(self.descriptor)
        with self._on_screen() as screen:
            screen.close()


def append_line(path: Path, line: str) -> None:
    """Add one line to a main log from another process."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        write_all(descriptor, f"{line}\n".encode(errors="surrogateescape"))
    finally:
        os.close(descriptor)
