"""Screens that show the main line's log: `plain` and `quiet`. `live` is in `live_screen`.

They handle bytes and descriptors, not their meaning.
"""

import fcntl
import os
import re
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

MODES = {
    "auto": "live on a terminal, plain without one or if CI is set",
    "live": "below the output, the running steps and their times; needs a terminal, else plain",
    "plain": "the output, and lines at the start and end of steps and futures",
    "quiet": "warnings, errors and the last lines",
}
"""The values of `--console`."""

LONG = 1 << 20
"""The number of bytes after which an incomplete line is shown."""


STDERR = 2
"""The highest descriptor of the standard streams."""


class Screen:
    """The interface of all screens; this one shows nothing. Others may raise OSError."""

    def show(self, data: bytes) -> None:
        """Show what has been added to the log."""

    def refresh(self) -> None:
        """Update the lines that change with time."""

    def undisturbed(self) -> AbstractContextManager[object]:
        """Return a context manager in which drawing cannot be interrupted."""
        return nullcontext()

    def conclude(self) -> None:
        """Prepare for the closing message of the run."""

    def detach(self) -> None:
        """In a forked child: leave the screen to the main process."""

    def close(self) -> None:
        """End it."""


class PlainScreen(Screen):
    """Show everything as it comes."""

    def __init__(self, descriptor: int, *, has_colours: bool = False) -> None:
        """Show on `descriptor`; with `has_colours`, the closing message has colours."""
        self.descriptor = os.dup(descriptor)
        self.is_concluding = False
        self._has_colours = has_colours

    def show(self, data: bytes) -> None:
        """Show what has been added to the log."""
        is_coloured = self.is_concluding and self._has_colours
        write_all(self.descriptor, coloured(data) if is_coloured else data)

    def conclude(self) -> None:
        """Show the closing message from now on."""
        self.is_concluding = True

    def detach(self) -> None:
        """In a forked child: close the descriptor, so that no daemon keeps it open."""
        os.close(self.descriptor)

    def close(self) -> None:
        """End it."""
        os.close(self.descriptor)


class QuietScreen(PlainScreen):
    """Show only lines that are warnings or errors, and all of the closing message."""

    def __init__(self, descriptor: int, *, has_colours: bool = False) -> None:
        super().__init__(descriptor, has_colours=has_colours)
        self._lines = WholeLines()

    def show(self, data: bytes) -> None:
        """Show the lines that matter."""
        if self.is_concluding:
            super().show(data)
            return
        lines = self._lines.take(data).splitlines(keepends=True)
        if shown := b"".join(line for line in lines if re.match(_MATTERS, line)):
            super().show(shown)


_MATTERS = rb"(?i)(?:WARNING|ERROR)\b|\[(?:WARNING|ERROR)\]"
"""Lines of ours, of DevStack's `warn` and `err`, and of most programs."""


class WholeLines:
    """Keep the beginning of a line until its end arrives."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> bytes:
        """Return the complete lines."""
        text = self._rest + data
        end = len(text) if len(text) > LONG and b"\n" not in data else text.rfind(b"\n") + 1
        self._rest = text[end:]
        return text[:end]

    def rest(self) -> bytes:
        """Return and remove the beginning of an incomplete line."""
        rest, self._rest = self._rest, b""
        return rest


def mode(wanted: str, environ: Mapping[str, str], descriptor: int) -> str:
    """Return the mode for `descriptor`: one of MODES except `auto`."""
    if wanted in ("plain", "quiet"):
        return wanted
    is_asked = wanted == "live" or environ.get("CI", "").lower() in ("", "0", "false")
    can_move = environ.get("TERM", "dumb") not in ("", "dumb") and os.isatty(descriptor)
    return "live" if is_asked and can_move else "plain"


_COLOURS = (
    (rb"(?m)^(FAILED|INTERRUPTED|ERROR)\b", b"\x1b[1;31m\\1\x1b[0m"),
    (rb"(?m)^(WARNING)\b", b"\x1b[1;33m\\1\x1b[0m"),
    (rb"(?m)^(doit [^:\n]+: done)\b", b"\x1b[1;32m\\1\x1b[0m"),
)


def coloured(data: bytes) -> bytes:
    """Return lines with colours for the words about the end of a run."""
    for words, replacement in _COLOURS:
        data = re.sub(words, replacement, data)
    return data


def wants_colours(mode: str, environ: Mapping[str, str], descriptor: int) -> bool:
    """Return whether the closing message has colours: `NO_COLOR`, `FORCE_COLOR`, or a terminal."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    is_dumb = environ.get("TERM", "dumb") in ("", "dumb")
    return mode != "plain" and not is_dumb and os.isatty(descriptor)


def open_standard_streams() -> None:
    """Open /dev/null for closed standard streams, so that no log gets their numbers."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        fcntl.fcntl(descriptor, fcntl.F_SETFD, 0)
    os.close(descriptor)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`, in as many calls as needed."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
