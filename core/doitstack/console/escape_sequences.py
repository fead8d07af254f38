"""Escape sequences in the output of steps: colours are shown, whatever else is not."""

import re

_STRING = rb"\x1b[\]P_^X][^\x07\x1b\n]*(?:\x07|\x1b\\)?"
"""A title of the window, or other text for the terminal itself."""

_CONTROL = rb"\x1b\[[0-?]*[ -/]*[@-~]"
"""Control sequences: colours, and those that move, clear, or switch the screen."""

_OTHER = rb"\x1b[ -/]*[0-~]?|[\x0e\x0f]|\xc2[\x80-\x9f]"
"""Other sequences, and characters that switch the character set."""

_SEQUENCE = re.compile(b"|".join((_STRING, _CONTROL, _OTHER)))
_COLOUR = re.compile(rb"\x1b\[[0-9;:]*m")


def without_sequences(data: bytes) -> bytes:
    """Return output without the sequences that would change the terminal, but with its colours."""
    if b"\x1b" not in data and not _SEQUENCE.search(data):
        return data
    return _SEQUENCE.sub(lambda match: match[0] if _COLOUR.fullmatch(match[0]) else b"", data)
