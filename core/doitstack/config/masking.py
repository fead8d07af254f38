"""Stars instead of secrets, in texts and in logs of any size. The caller gives the secrets.

Bytes are replaced by as many stars, so that a log can be masked in place while others append to it.
"""

import json
import os
import re
import stat
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, quote_plus

from doitstack.private_files import open_regular

STARS = "***"

CHUNK = 1 << 20
"""Bytes of a log that are masked at a time."""

_LONG = 12
"""Characters from which a value of letters alone is no ordinary word."""

URL_PASSWORD = r"(://[^\s/:@]*:)([^\s/@]+)(?=@)"  # noqa: S105 - a pattern
"""User and password of a URL: the password is a secret, whatever it is."""

_URL_PASSWORD = URL_PASSWORD.encode()
_URL_BEGUN = rb"://[^\s/@]*$"
_LONGEST_URL = 512
"""Bytes at the end of a chunk in which a URL may have begun."""


class _Needle(NamedTuple):
    """A string to search for. A word matches only as a whole word."""

    text: str
    data: bytes
    is_word: bool


class Mask:
    """Replaces some secrets by stars, and the passwords of all URLs.

    A short value of letters alone is masked where it is a whole word: `secret`, not `secrets`. Any
    other value is masked everywhere, also as it is written in URLs, JSON, Python, bash and base64.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        secrets = list(secrets)
        # A word in base64 has other letters next to it.
        is_word = {text: False for secret in secrets for text in _in_base64(secret)}
        for text in (text for secret in secrets for text in _spellings(secret)):
            is_word[text] = text.isalpha() and len(text) < _LONG
        self._needles = [
            _Needle(text, _encoded(text), is_word[text])
            for text in sorted(is_word, key=len, reverse=True)
        ]
        self._has_line_end = any("\n" in needle.text for needle in self._needles)

    def text(self, text: str) -> str:
        """Return `text` with three stars for each secret."""
        for needle in self._needles:
            # Looking for each value is four times as fast as a regular expression for all of them.
            if needle.text in text:
                found = re.escape(needle.text)
                text = re.sub(_whole_word(found) if needle.is_word else found, STARS, text)
        if "://" in text and "@" in text:
            text = re.sub(URL_PASSWORD, rf"\1{STARS}", text)
        return text

    def data(self, data: bytes) -> bytes:
        """Return `data` with as many stars as each secret has bytes."""
        for needle in self._needles:
            if needle.data in data:
                stars = b"*" * len(needle.data)
                if needle.is_word:
                    found = _whole_word(re.escape(needle.text)).encode()
                    data = re.sub(found, stars, data)
                else:
                    data = data.replace(needle.data, stars)
        if b"://" in data and b"@" in data:
            data = re.sub(_URL_PASSWORD, _starred, data)
        return data

    def settled(self, data: bytes) -> bytes:
        """Return the masked data without an end that may turn out to be a secret."""
        masked = self.data(data)
        end = len(data) - self._unsettled(data)
        # Not through the middle of a secret, whose rest would not be recognised.
        while 0 < end < len(data) and data[end - 1] != masked[end - 1] and data[end] != masked[end]:
            end -= 1
        return masked[:end]

    def _unsettled(self, data: bytes) -> int:
        """Return how many bytes at the end may belong to a secret that is still being written."""
        if data.endswith(b"\n") and not self._has_line_end:
            return 0
        begun = [_overlap(needle, data) for needle in self._needles]
        url = re.search(_URL_BEGUN, data[-_LONGEST_URL:])
        return max((*begun, len(url[0]) if url else 0), default=0)


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _spellings(secret: str) -> Iterator[str]:
    """Yield a secret as it is, and as programs write it in URLs, JSON, Python and bash."""
    data = _encoded(secret)
    yield secret
    yield quote(data, safe="")
    yield quote_plus(data)
    yield json.dumps(secret)[1:-1]
    yield repr(secret)[1:-1]
    yield secret.replace("'", "'\\''")
    yield secret.replace("'", "'\"'\"'")
    yield re.sub(r"([^\w@%+=:,./-])", r"\\\1", secret)
    yield secret.replace("$", "$$")


def _in_base64(secret: str) -> Iterator[str]:
    """Yield the characters that stand for a secret in any text in base64, such as `user:secret`.

    There are three: with none, one or two bytes before it in a group of three. The first and the
    last character may depend on its neighbours, too, and are left out.
    """
    data = _encoded(secret)
    for before in range(3):
        bits = 8 * before, 8 * (before + len(data))
        characters = slice(-(-bits[0] // 6), bits[1] // 6)
        encoded = b64encode(bytes(before) + data).decode()[characters]
        yield encoded
        yield encoded.replace("+", "-").replace("/", "_")


def _whole_word(pattern: str) -> str:
    # The letter of an escape like \n, in JSON or the repr of a string, does not belong to the word.
    return rf"(?:(?<![A-Za-z0-9_])|(?<=\\[nrt])){pattern}(?![A-Za-z0-9_])"


def _starred(match: re.Match[bytes]) -> bytes:
    return match[1] + b"*" * len(match[2])


def _overlap(needle: _Needle, data: bytes) -> int:
    """Return how many bytes at the end of `data` are the beginning of a needle, or a whole word."""
    wanted = needle.data
    start = max(0, len(data) - len(wanted) + (0 if needle.is_word else 1))
    while (start := data.find(wanted[:1], start)) >= 0:
        if wanted.startswith(data[start:]):
            return len(data) - start
        start += 1
    return 0


class Masked(NamedTuple):
    """How much of a log is masked already: its first `size` bytes, by `mask`."""

    mask: Mask
    size: int

    def covers(self, end: int, chunk: bytes) -> bool:
        """Return whether a chunk of the log up to the byte `end` has no secret of the mask.

        At the end of the masked part, the rest of a secret may have been written since.
        """
        return end < self.size or (end == self.size and chunk.endswith(b"\n"))


def mask_file(path: Path | str, mask: Mask, start: int = 0) -> Masked:
    """Overwrite the secrets in a file with stars, from the byte `start` on.

    It takes constant memory, and others may append to the file.
    """
    with suppress(OSError):  # its output is masked as well
        descriptor = open_regular(path, os.O_RDWR)
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):  # a device may have no end
                return Masked(mask, _mask_descriptor(descriptor, mask, start))
        finally:
            os.close(descriptor)
    return Masked(mask, 0)


def mask_lines(path: Path, masked: Callable[[bytes], bytes]) -> None:
    """Overwrite each whole line of a file with what `masked` returns for it, of the same length."""
    with suppress(OSError), os.fdopen(open_regular(path, os.O_RDWR), "rb", CHUNK) as file:
        position = 0
        for line in file:
            if line.endswith(b"\n"):
                overwrite(file.fileno(), position, line, masked(line))
            position += len(line)


def _mask_descriptor(descriptor: int, mask: Mask, position: int) -> int:
    """Mask a file from a position on; return up to where."""
    while data := os.pread(descriptor, CHUNK, position):
        # The file goes on after a full chunk, whose end may cut a secret.
        masked = mask.settled(data) if len(data) == CHUNK else mask.data(data)
        overwrite(descriptor, position, data, masked)
        position += len(masked)
    return position


def overwrite(descriptor: int, position: int, data: bytes, masked: bytes) -> None:
    """Write `masked` over the `data` at `position`, unless it is the same."""
    if not data.startswith(masked):
        os.pwrite(descriptor, masked, position)


def masked_chunks(chunks: Iterable[bytes], mask: Callable[[], Mask]) -> Iterator[bytes]:
    """Yield the masked chunks of a log, each as soon as it cannot be the beginning of a secret.

    `mask` returns the mask of the secrets that are known by now.
    """
    rest = b""
    for chunk in chunks:
        data = rest + chunk
        masked = mask().settled(data)
        rest = data[len(masked) :]
        yield masked
    yield mask().data(rest)
