"""Escape sequences in the output of steps."""

import pytest

from doitstack.console.escape_sequences import without_sequences


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        (b"plain\r\n\ttext\n", b"plain\r\n\ttext\n"),
        (b"\x1b[1;31mred\x1b[0m\n", b"\x1b[1;31mred\x1b[0m\n"),
        (b"\x1b[?1049halternate\n", b"alternate\n"),
        (b"\x1b]0;title\x07after\n", b"after\n"),
        (b"\x1b]0;title\x1b\\after\n", b"after\n"),
        (b"\x1b]0;without an end\nnext\n", b"\nnext\n"),
        (b"\x1b[2J\x1b[H\x1b[5Aup\x1b[?25l\n", b"up\n"),
        (b"\x1b(0lines\x1bc\x0e\x1b7\n", b"lines\n"),
        (b"\x1bPq#0\x1b\\sixel\n", b"sixel\n"),
        (b"\xc2\x9b2Jc1 \xc3\xa9\n", b"2Jc1 \xc3\xa9\n"),
        (b"end\x1b", b"end"),
    ],
)
def test_only_colours_reach_the_terminal(output: bytes, shown: bytes) -> None:
    assert without_sequences(output) == shown
