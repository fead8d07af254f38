"""A terminal for tests: a pty, and pyte to show what a person would see."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyte

PATIENCE = 250.0
"""Seconds until what should be seen must have come."""

BEGIN, END = b"\x1b[?2026h", b"\x1b[?2026l"
"""Around a drawing, which may come in pieces."""

_LOCAL_FLAGS = 3


class Screen:
    """What a terminal shows of bytes, and what has left it at the top."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        self._screen = pyte.HistoryScreen(columns, lines, history=100_000, ratio=0.5)
        # The kernel makes a carriage return of each newline before the terminal gets it.
        self._stream = pyte.ByteStream(self._screen)

    def feed(self, data: bytes) -> None:
        self._stream.feed(data)

    def resize(self, columns: int, lines: int) -> None:
        self._screen.resize(lines, columns)

    @property
    def is_cursor_visible(self) -> bool:
        return not self._screen.cursor.hidden

    @property
    def lines(self) -> list[str]:
        """The lines on the screen, without those below the last one that has something."""
        return _trimmed([line.rstrip() for line in self._screen.display])

    @property
    def scrollback(self) -> list[str]:
        """All lines: those that have left the screen, and those on it."""
        columns = range(self._screen.columns)
        gone = [
            "".join(line[column].data for column in columns).rstrip()
            for line in self._screen.history.top
        ]
        return gone + self.lines


def _trimmed(lines: list[str]) -> list[str]:
    while lines and not lines[-1]:
        lines.pop()
    return lines


_LAST = b"\x05"
"""A byte that no program writes, and no terminal shows."""


def _whole(data: bytes) -> int:
    """Return how much of it belongs to no unfinished drawing, and to no unfinished sequence."""
    begin = data.rfind(BEGIN)
    if begin >= 0 and END not in data[begin:]:
        return begin
    last = data.rfind(b"\x1b")
    return last if last >= 0 and BEGIN.startswith(data[last:]) else len(data)


class Terminal(Screen):
    """A program in its own terminal, which shows a drawing once it is whole."""

    def __init__(
        self,
        argv: Sequence[str],
        cwd: Path,
        environ: Mapping[str, str],
        *,
        columns: int = 80,
        lines: int = 24,
    ) -> None:
        super().__init__(columns, lines)
        self.master, slave = pty.openpty()
        self._set_size(columns, lines)
        self.received = b""
        self._unshown = b""
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *argv],
            cwd=cwd,
            env=dict(environ),
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        self._slave = slave

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def echoes(self) -> bool:
        """Whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self._slave)[_LOCAL_FLAGS] & termios.ECHO)

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, columns: int, lines: int) -> None:
        super().resize(columns, lines)
        self._set_size(columns, lines)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def until(self, is_so: Callable[[], bool], what: str) -> None:
        """Look on until it is so."""
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < deadline, f"not seen: {what}\n" + "\n".join(self.lines)
            self._look(0.05)

    def until_seen(self, text: str) -> None:
        self.until(lambda: any(text in line for line in self.lines), text)

    def _look(self, seconds: float) -> bool:
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        data = os.read(self.master, 1 << 16)
        self.received += data
        self._unshown += data
        whole = _whole(self._unshown)
        self.feed(self._unshown[:whole])
        self._unshown = self._unshown[whole:]
        return True

    def end(self) -> int:
        """Wait for the end of the program and for what it has written; return its exit code."""
        self.until(lambda: self._process.poll() is not None, "the end")
        os.write(self._slave, _LAST)
        self.until(lambda: _LAST in self.received, "the last byte")
        self.received = self.received.replace(_LAST, b"")
        return self._process.returncode

    def hang_up(self) -> int:
        """Take the terminal away; return the exit code of the program."""
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, self.master)
        os.dup2(null, self._slave)
        os.close(null)
        return self._process.wait(PATIENCE)

    def close(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, 9)
            self._process.wait()
        os.close(self.master)
        os.close(self._slave)
