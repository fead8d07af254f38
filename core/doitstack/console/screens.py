"""Where the main line's log is shown, and how: `plain` and `quiet`; `live` is in `reports/live`.

Knows bytes and descriptors; what they say is for others.
"""

import fcntl
import os
import re
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

MODES = {
    "auto": "live on a terminal, plain elsewhere and where CI is set",
    "live": "below the output, what runs and for how long; plain on what is no terminal",
    "plain": "the output, and lines where steps and futures start and end",
    "quiet": "warnings, errors and the last words",
}
"""What `--console` may be."""

LONG = 1 << 20
"""Bytes from which on a line is shown although its end has not come yet."""


STDERR = 2
"""The last of the descriptors of the standard streams."""


class Screen:
    """What all screens can do; this one shows nothing. Another may raise OSError."""

    def show(self, data: bytes) -> None:
        """Show what has been added to the log."""

    def refresh(self) -> None:
        """Take a look at what time alone changes."""

    def undisturbed(self) -> AbstractContextManager[object]:
        """Return the block in which it is used: what must be done in one go can be."""
        return nullcontext()

    def conclude(self) -> None:
        """Prepare for the last words of the run."""

    def let_go(self) -> None:
        """In a forked child: leave the screen to the main process."""

    def close(self) -> None:
        """End it."""


class PlainScreen(Screen):
    """Shows everything as it comes."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = os.dup(descriptor)

    def show(self, data: bytes) -> None:
        """Show what has been added to the log."""
        write_all(self.descriptor, data)

    def let_go(self) -> None:
        """In a forked child: close the descriptor, lest a daemon of its own keep it open."""
        os.close(self.descriptor)

    def close(self) -> None:
        """End it."""
        os.close(self.descriptor)


class QuietScreen(PlainScreen):
    """Shows warnings and errors, whoever says them, and the last words whole."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        self._lines = WholeLines()
        self._is_concluding = False

    def show(self, data: bytes) -> None:
        """Show the lines that matter."""
        if self._is_concluding:
            super().show(data)
            return
        lines = self._lines.take(data).splitlines(keepends=True)
        if told := b"".join(line for line in lines if _MATTERS.match(line)):
            super().show(told)

    def conclude(self) -> None:
        """Show all that comes from now on."""
        self._is_concluding = True


_MATTERS = re.compile(rb"(?:WARNING|ERROR)\b|\[(?:WARNING|ERROR)\]", re.IGNORECASE)
"""Lines of ours, of DevStack's `warn` and `err`, and of most programs."""


class WholeLines:
    """Keeps the beginning of a line until its end has come."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> bytes:
        """Return what is whole by now."""
        text = self._rest + data
        end = len(text) if len(text) > LONG and b"\n" not in data else text.rfind(b"\n") + 1
        self._rest = text[end:]
        return text[:end]

    def rest(self) -> bytes:
        """Return, and forget, the beginning of a line that has not ended."""
        rest, self._rest = self._rest, b""
        return rest


def mode(wanted: str, environ: Mapping[str, str], descriptor: int) -> str:
    """Return which mode is right for `descriptor`, of those in MODES but `auto`."""
    if wanted in ("plain", "quiet"):
        return wanted
    is_asked = wanted == "live" or environ.get("CI", "").lower() in ("", "0", "false")
    can_move = environ.get("TERM", "dumb") not in ("", "dumb") and os.isatty(descriptor)
    return "live" if is_asked and can_move else "plain"


def open_standard_streams() -> None:
    """Put /dev/null where a standard stream is closed, lest a log be opened under its number."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        fcntl.fcntl(descriptor, fcntl.F_SETFD, 0)
    os.close(descriptor)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`, however many calls it takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
