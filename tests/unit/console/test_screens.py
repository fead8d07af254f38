"""Where the main line's log is shown."""

import os
import pty
from collections.abc import Iterator
from pathlib import Path

import pytest

from doitstack.console.screens import (
    LONG,
    PlainScreen,
    QuietScreen,
    Screen,
    WholeLines,
    coloured,
    mode,
    wants_colours,
)

LOG = b"""\
==> stack install: demo: work
WARNING: uncollected async future a
warning: of a program
Warnings: none
[ERROR] /opt/stack/devstack/functions-common:10 no luck
of no interest
ERROR: stack install: plugin demo: step work: of no use
"""

TOLD = b"""\
WARNING: uncollected async future a
warning: of a program
[ERROR] /opt/stack/devstack/functions-common:10 no luck
ERROR: stack install: plugin demo: step work: of no use
"""


def _shown(kind: type[PlainScreen], *pieces: bytes, words: bytes = b"") -> bytes:
    read, write = os.pipe()
    screen = kind(write)
    os.close(write)
    for piece in pieces:
        with screen.undisturbed():
            screen.show(piece)
        screen.refresh()
    screen.conclude()
    screen.show(words)
    screen.close()
    with open(read, "rb") as file:
        return file.read()


def test_plain_shows_all() -> None:
    assert _shown(PlainScreen, LOG, b"half", words=b" a line") == LOG + b"half a line"


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_quiet_shows_what_matters_and_the_last_words(size: int) -> None:
    pieces = [LOG[start : start + size] for start in range(0, len(LOG), size)]
    assert _shown(QuietScreen, *pieces, words=b"done\n") == TOLD + b"done\n"


def test_screen_that_shows_nothing_takes_all() -> None:
    screen = Screen()
    screen.show(LOG)
    screen.refresh()
    screen.conclude()
    screen.detach()
    screen.close()


def test_lines_wait_for_their_end_unless_they_are_very_long() -> None:
    lines = WholeLines()
    assert lines.take(b"a") == b""
    assert lines.take(b"b\nc\nd") == b"ab\nc\n"
    assert lines.take(b"\n") == b"d\n"
    assert lines.take(b"x" * LONG) == b""
    assert lines.take(b"xy") == b"x" * (LONG + 1) + b"y"
    assert lines.take(b"end") == b""
    assert lines.rest() == b"end"
    assert lines.rest() == b""


@pytest.fixture
def terminal() -> Iterator[int]:
    """A descriptor of a terminal."""
    ends = pty.openpty()
    yield ends[1]
    for end in ends:
        os.close(end)


@pytest.mark.parametrize(
    ("wanted", "environ", "expected"),
    [
        ("auto", {"TERM": "xterm"}, "live"),
        ("auto", {"TERM": "xterm", "CI": ""}, "live"),
        ("auto", {"TERM": "xterm", "CI": "false"}, "live"),
        ("auto", {"TERM": "xterm", "CI": "true"}, "plain"),
        ("auto", {"TERM": "xterm", "CI": "1"}, "plain"),
        ("auto", {"TERM": "xterm", "NO_COLOR": "1"}, "live"),
        ("auto", {"TERM": "dumb"}, "plain"),
        ("auto", {}, "plain"),
        ("live", {"TERM": "xterm", "CI": "true"}, "live"),
        ("live", {"TERM": "dumb"}, "plain"),
        ("plain", {"TERM": "xterm"}, "plain"),
        ("quiet", {"TERM": "xterm"}, "quiet"),
    ],
)
def test_mode_fits_the_terminal_and_the_environment(
    terminal: int, wanted: str, environ: dict[str, str], expected: str
) -> None:
    assert mode(wanted, environ, terminal) == expected


@pytest.mark.parametrize(
    ("wanted", "expected"), [("auto", "plain"), ("live", "plain"), ("quiet", "quiet")]
)
def test_mode_is_never_live_where_there_is_no_terminal(wanted: str, expected: str) -> None:
    descriptor = os.open(os.devnull, os.O_WRONLY)
    assert mode(wanted, {"TERM": "xterm"}, descriptor) == expected
    os.close(descriptor)


@pytest.mark.parametrize(
    ("mode", "environ", "expected"),
    [
        ("quiet", {"TERM": "xterm"}, False),
        ("plain", {"FORCE_COLOR": "1"}, True),
        ("plain", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ("live", {"FORCE_COLOR": "0", "TERM": "dumb"}, False),
    ],
)
def test_colours_as_users_expect_them(
    mode: str, environ: dict[str, str], expected: bool, tmp_path: Path
) -> None:
    with (tmp_path / "out").open("w") as file:
        assert wants_colours(mode, environ, file.fileno()) is expected


def test_terminal_has_colours_except_in_plain_mode() -> None:
    controller, terminal = os.openpty()
    environ = {"TERM": "xterm"}
    found = [wants_colours(mode, environ, terminal) for mode in ("live", "quiet", "plain")]
    os.close(controller)
    os.close(terminal)
    assert found == [True, True, False]


def test_words_about_the_end_of_a_run_have_colours() -> None:
    text = b"doit stack: done in 1 s\nWARNING: w\nFAILED after 1 s\nnot an ERROR\n"
    assert coloured(text) == (
        b"\x1b[1;32mdoit stack: done\x1b[0m in 1 s\n\x1b[1;33mWARNING\x1b[0m: w\n"
        b"\x1b[1;31mFAILED\x1b[0m after 1 s\nnot an ERROR\n"
    )


def test_only_the_closing_message_has_colours(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with path.open("wb") as file:
        screen = PlainScreen(file.fileno(), has_colours=True)
        screen.show(b"ERROR: one\n")
        screen.conclude()
        screen.show(b"ERROR: two\n")
        screen.close()
    assert path.read_bytes() == b"ERROR: one\n\x1b[1;31mERROR\x1b[0m: two\n"
