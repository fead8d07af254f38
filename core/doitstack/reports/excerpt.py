"""The lines of a log that somebody wants to read who looks for a reason."""

import re
from collections.abc import Sequence

LINES = 20
"""How many lines of a log are shown."""

WIDEST = 500
"""Characters of a line that are shown."""

FAR = 1 << 16
"""Bytes at the end of a log in which its last lines are looked for."""

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)")
"""What moves a cursor or colours what follows."""

_TRACE = re.compile(r"\++ \S")
"""A line of bash's `set -x`. Tables (`+----+`) and most of what a diff adds look otherwise."""

_OURS = re.compile(
    r"\[Async [\w.-]+:\w+\]: |(?:==>|<==|-->) |\.\.\. still running: |Stopp(?:ing|ed) async "
)
"""A line about steps and futures, which is no output of a step."""


def telling(lines: Sequence[str]) -> list[str]:
    """Return the last LINES lines that somebody wants to read who looks for a reason.

    Left out are lines of ours, empty ones at the end, and what bash traces: but where it is all
    that there is, it is shown, as it may have been meant.
    """
    clean = [line for line in map(_plain, lines) if not _OURS.match(line)]
    words = [line for line in clean if not _TRACE.match(line) and "_doitstack_" not in line]
    if not any(words):
        words = clean
    while words and not words[-1]:
        words.pop()
    return words[-LINES:]


def _plain(line: str) -> str:
    """Return a line as a terminal would show it in the end, without colours."""
    shown = _ESCAPES.sub("", line).rstrip().rpartition("\r")[2].expandtabs(8)
    return "".join(char if char.isprintable() else "?" for char in shown)[:WIDEST]
