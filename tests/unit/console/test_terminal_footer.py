"""Lines at the foot of a terminal: what a person would see of them."""

import fcntl
import os
import pty
import signal
import struct
import termios
from collections.abc import Iterator

import pytest

from doitstack.console.terminal_footer import BEGIN, END, Line, Region
from tests.terminal import Screen

_END = b"\x05"
"""A byte that nothing else writes."""


def _lines(*texts: str) -> list[Line]:
    return [Line(text, len(text)) for text in texts]


class Tty(Screen):
    """A terminal without a program; it is nobody's controlling terminal."""

    def __init__(self, columns: int = 20, lines: int = 6) -> None:
        super().__init__(columns, lines)
        self.master, self.slave = pty.openpty()
        self.set_size(columns, lines)

    def set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def look(self) -> bytes:
        """Show what has been written; return it."""
        # What is written reaches the other end in pieces, and later.
        os.write(self.slave, _END)
        data = b""
        while not data.endswith(_END):
            data += os.read(self.master, 1 << 16)
        written = data.removesuffix(_END)
        self.feed(written)
        return written

    @property
    def seen(self) -> list[str]:
        self.look()
        return self.scrollback


@pytest.fixture
def tty() -> Iterator[Tty]:
    """A terminal of 20 columns and 6 lines."""
    made = Tty()
    yield made
    os.close(made.master)
    os.close(made.slave)


@pytest.fixture
def region(tty: Tty) -> Iterator[Region]:
    """The lines at its foot."""
    before = signal.getsignal(signal.SIGTSTP)
    made = Region(tty.slave)
    yield made
    made.close()
    assert signal.getsignal(signal.SIGTSTP) == before


def test_lines_stay_below_what_scrolls(tty: Tty, region: Region) -> None:
    region.draw(b"one\ntwo\n", _lines("--", "A"))
    assert tty.seen == ["one", "two", "--", "A"]
    region.draw(b"three\n", _lines("--", "AB", "C"))
    assert tty.seen == ["one", "two", "three", "--", "AB", "C"]
    region.draw(b"four\nfive\n", _lines("D"))
    assert tty.seen == ["one", "two", "three", "four", "five", "D"]
    region.draw(b"", ())
    assert tty.seen == ["one", "two", "three", "four", "five"]
    region.draw(b"six\n", ())
    assert tty.seen == ["one", "two", "three", "four", "five", "six"]
    assert tty.is_cursor_visible


def test_same_lines_are_not_drawn_again(tty: Tty, region: Region) -> None:
    region.draw(b"", _lines("A"))
    assert tty.look()
    region.draw(b"", _lines("A"))
    assert tty.look() == b""


def test_colour_of_the_output_does_not_reach_the_lines(tty: Tty, region: Region) -> None:
    region.draw(b"\x1b[31mred\n", _lines("A"))
    assert b"\x1b[31mred\r\n\x1b[0mA\x1b[0m\r\n" in tty.look()


def test_bytes_of_the_output_are_left_alone(tty: Tty, region: Region) -> None:
    region.draw(b"", _lines("A"))
    tty.look()
    region.draw(b"\xff\x00 \xc3\xa4\n", ())
    assert b"\x1b[2K\xff\x00 \xc3\xa4\r\n" in tty.look()


def test_terminal_is_told_where_a_drawing_begins_and_ends(tty: Tty, region: Region) -> None:
    region.draw(b"one\n", ())
    assert tty.look() == b"one\r\n"
    for above, lines in ((b"", _lines("A")), (b"two\n", _lines("B")), (b"three\n", ())):
        region.draw(above, lines)
        drawing = tty.look()
        assert drawing.startswith(BEGIN)
        assert drawing.endswith(END)
        assert drawing.count(BEGIN) == drawing.count(END) == 1


def test_lines_that_a_narrower_terminal_has_folded_are_taken_away(tty: Tty, region: Region) -> None:
    region.draw(b"", _lines("A" * 19, "B" * 10, "C"))
    tty.look()
    tty.set_size(10, 6)
    region.draw(b"", ())
    assert tty.look().count(b"\x1b[A\x1b[2K") == 2 + 1 + 1


def test_terminal_that_does_not_know_its_size_has_the_usual_one(tty: Tty, region: Region) -> None:
    assert region.size == (20, 6)
    tty.set_size(0, 0)
    assert region.size == (80, 24)


def test_what_is_typed_is_not_shown_while_there_are_lines(tty: Tty, region: Region) -> None:
    def echoes() -> bool:
        return bool(termios.tcgetattr(tty.slave)[3] & termios.ECHO)

    region.draw(b"one\n", ())
    assert echoes()
    region.draw(b"", _lines("A"))
    assert not echoes()
    region.draw(b"two\n", _lines("A", "B"))
    assert not echoes()
    region.draw(b"", ())
    assert echoes()


def test_signals_wait_until_it_is_drawn(region: Region) -> None:
    told: list[str] = []
    before = signal.signal(signal.SIGALRM, lambda *_: told.append("signal"))
    try:
        with region.undisturbed():
            signal.raise_signal(signal.SIGALRM)
            told.append("drawn")
        assert told == ["drawn", "signal"]
    finally:
        signal.signal(signal.SIGALRM, before)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()


def test_signal_that_raises_leaves_no_signal_blocked(region: Region) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    before = signal.signal(signal.SIGALRM, fail)
    try:
        with pytest.raises(ZeroDivisionError), region.undisturbed():
            os.kill(os.getpid(), signal.SIGALRM)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()


def test_terminal_that_has_gone_is_an_os_error(tty: Tty) -> None:
    region = Region(tty.slave)
    region.draw(b"", _lines("A"))
    os.close(tty.master)
    tty.master = os.dup(tty.slave)
    with pytest.raises(OSError, match="Input/output error"):
        region.draw(b"", _lines("B"))
    region.detach()
