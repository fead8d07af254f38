"""Lines at the foot of a terminal, with ordinary scrollback above, whatever they mean.

The cursor rests below the lines and stays visible, so that even SIGKILL leaves a usable terminal.
Only for the process that stands in the foreground; in the background nothing is drawn.
"""

import os
import signal
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from doitstack.console.screens import write_all

_HELD = (
    *(signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP),
    *(signal.SIGALRM, signal.SIGTSTP),
)
"""Signals that might leave us halfway through drawing."""

BEGIN, END = b"\x1b[?2026h", b"\x1b[?2026l"
"""Around a drawing: a terminal that knows them shows the whole of it at once; others ignore them.

The kernel hands a write to the terminal in pieces, which would flicker.
"""

_LOCAL_FLAGS = 3
"""The index in termios' attributes of the flags that contain ECHO."""


class Line(NamedTuple):
    """A line with its escape sequences, and how many cells of the terminal it takes."""

    text: str
    cells: int


class Region:
    """Draws lines below what scrolls, on the terminal `descriptor`."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = os.dup(descriptor)
        self._drawn: Sequence[Line] = ()
        self._modes: Any = None
        # A shell without job control has us ignore it.
        self._stops = signal.getsignal(signal.SIGTSTP) == signal.SIG_DFL
        if self._stops:
            signal.signal(signal.SIGTSTP, self._stop)

    @property
    def size(self) -> os.terminal_size:
        """Columns and lines of the terminal; 80 and 24 if it does not report them."""
        columns, lines = os.get_terminal_size(self.descriptor)
        return os.terminal_size((columns or 80, lines or 24))

    @property
    def is_foreground(self) -> bool:
        """Whether the terminal is ours to draw on."""
        try:
            return os.tcgetpgrp(self.descriptor) == os.getpgrp()
        except OSError:
            # It is not a controlling terminal.
            return True

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Block signals until the end of the block."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def draw(self, above: bytes, lines: Sequence[Line]) -> None:
        """Add `above`, whole lines, to what scrolls, and show `lines` below it, in one write."""
        is_foreground = self.is_foreground
        shown = lines if is_foreground else ()
        if not above and shown == self._drawn:
            return
        if is_foreground:
            self._echo(wanted=not shown)
        else:
            # The program that has the terminal now has changed its attributes.
            self._modes = None
        data = self._erasing() + above
        if shown:
            # The output above may have set a colour and not reset it.
            text = "".join(f"{line.text}\x1b[0m\n" for line in shown)
            data += b"\x1b[0m" + text.encode(errors="replace")
        if shown or self._drawn:
            data = BEGIN + data + END
        self._drawn = shown
        write_all(self.descriptor, data)

    def _erasing(self) -> bytes:
        """Return what erases the lines, also where a narrower terminal has folded them."""
        if not self._drawn:
            return b""
        columns = self.size.columns
        rows = sum(max(1, -(-line.cells // columns)) for line in self._drawn)
        # Line by line: tmux keeps in its history what is cleared in one go from the top.
        return b"\r\x1b[2K" + b"\x1b[A\x1b[2K" * rows

    def _echo(self, *, wanted: bool) -> None:
        """Keep what is typed from moving our lines, as long as they are there."""
        if wanted != (self._modes is not None):
            return
        before, self._modes = self._modes, None
        # If the terminal is gone, the next write reports it.
        with suppress(termios.error):
            if wanted:
                termios.tcsetattr(self.descriptor, termios.TCSANOW, before)
                return
            self._modes = termios.tcgetattr(self.descriptor)
            silent = [*self._modes]
            silent[_LOCAL_FLAGS] &= ~termios.ECHO
            termios.tcsetattr(self.descriptor, termios.TCSANOW, silent)

    def _stop(self, _number: int, _frame: object) -> None:
        """On Ctrl-Z, restore the terminal; draw again when the run continues."""
        with self.undisturbed():
            self.draw(b"", ())
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._stop)

    def detach(self) -> None:
        """In a forked child: leave the terminal to the main process."""
        os.close(self.descriptor)
        if self._stops:
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)

    def close(self) -> None:
        """Erase the lines, for good."""
        self.draw(b"", ())
        self.detach()
