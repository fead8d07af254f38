"""Inputs for readers: real ones, changed at random."""

import random
from collections.abc import Callable
from dataclasses import dataclass

_NUMBERS = (
    *(b"0", b"-1", b"1e999", b"1e-400", b"NaN", b"65536", b"4294967296", b"18446744073709551616"),
    *(b"9" * 320, b"9" * 5000, b"-" + b"9" * 40, b"0x10", b"1_0", "٣".encode()),
)
_BYTES = (
    *(b"\0", b"\n", b"\r\n", b"\r", b"\t"),
    *(b" ", b"\x0b", b"\x1b[31m", b"\x7f", b"\xff", b"\xed\xa0\x80"),
    *(b'"', b"'", b"\\", b"$", b"`", b"#", b"=", b"["),
    *(b"]", b"{", b"}", b"(", b")", b"|", b"&", b";"),
    *(b"%", b"%s", b"{0}", b"~", b"*", b"-"),
    *(b"--", b"..", b"/", b"://", b"\xe2\x80\xa8", b"\xc2\x85"),
)  # fmt: skip
_LONG = 3000


@dataclass(frozen=True)
class Target:
    """What reads one kind of input.

    Args:
        samples: real inputs.
        words: what is put into them.
        read: reads an input; raises nothing for a wrong one. AssertionError says that it was read
            wrongly.
    """

    name: str
    samples: tuple[bytes, ...]
    words: tuple[bytes, ...]
    read: Callable[[bytes], object]


@dataclass(frozen=True)
class Fault:
    """An input that a target did not stand."""

    target: str
    data: bytes
    reason: str

    @property
    def text(self) -> str:
        """The beginning of the input, and what went wrong."""
        return f"{self.data[:300]!r} ({len(self.data)} bytes)\n{self.reason}"


class Mutator:
    """Makes inputs of samples: lines and slices moved, words and extreme values put in."""

    def __init__(self, target: Target, source: random.Random) -> None:
        self._random = source
        self._samples = target.samples
        self._words = target.words
        self._changes = (
            *(self._insert_word, self._insert_word, self._insert_bytes, self._replace_number),
            *(self._replace_value, self._cut, self._move, self._flip, self._repeat, self._join),
        )

    def make(self) -> bytes:
        """Return the next input."""
        data = self._random.choice(self._samples)
        for _ in range(self._random.choice((0, 1, 1, 1, 2, 2, 3, 5, 9))):
            data = self._random.choice(self._changes)(data)
        return data[: 1 << 18]

    def _place(self, data: bytes) -> int:
        return self._random.randrange(len(data) + 1)

    def _slice(self, data: bytes) -> tuple[int, int]:
        start = self._place(data)
        return start, min(len(data), start + self._random.choice((1, 2, 4, 16, 64)))

    def _insert_word(self, data: bytes) -> bytes:
        return self._insert(data, self._random.choice(self._words))

    def _insert_bytes(self, data: bytes) -> bytes:
        return self._insert(data, self._random.choice(_BYTES))

    def _insert(self, data: bytes, new: bytes) -> bytes:
        place = self._place(data)
        return data[:place] + new + data[place:]

    def _replace_number(self, data: bytes) -> bytes:
        """Replace digits in place of which an extreme number may be read."""
        places = [place for place, byte in enumerate(data[:4096]) if 48 <= byte <= 57]
        if not places:
            return data
        start = end = self._random.choice(places)
        while end < len(data) and 48 <= data[end] <= 57:
            end += 1
        return data[:start] + self._random.choice(_NUMBERS) + data[end:]

    def _replace_value(self, data: bytes) -> bytes:
        """Replace what is between two separators by a word."""
        start, end = sorted((self._place(data), self._place(data)))
        for separator in self._random.sample((b"\n", b"=", b",", b" ", b'"', b"\0"), 3):
            if (found := data.find(separator, start)) >= 0:
                start = found + 1
                end = (data.find(separator, start) + 1 or len(data) + 1) - 1
                break
        return data[:start] + self._random.choice((*self._words, *_NUMBERS)) + data[end:]

    def _cut(self, data: bytes) -> bytes:
        start, end = self._slice(data)
        return data[:start] if self._random.random() < 0.1 else data[:start] + data[end:]

    def _move(self, data: bytes) -> bytes:
        start, end = self._slice(data)
        return self._insert(data[:start] + data[end:], data[start:end])

    def _flip(self, data: bytes) -> bytes:
        if not data:
            return data
        place = self._random.randrange(len(data))
        return data[:place] + bytes([self._random.randrange(256)]) + data[place + 1 :]

    def _repeat(self, data: bytes) -> bytes:
        """Repeat a slice, now and then so often that whoever looks at it again and again hangs."""
        start, end = self._slice(data)
        times = self._random.choice((2, 2, 2, 30, 30, _LONG)) if end - start < 3 else 2
        if self._random.random() < 0.02:
            times = 60 * _LONG // max(1, end - start)
        return data[:end] + data[start:end] * times + data[end:]

    def _join(self, data: bytes) -> bytes:
        other = self._random.choice(self._samples)
        return data[: self._place(data)] + other[self._place(other) :]
