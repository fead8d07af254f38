"""The part of a service's log that says why it has died: its last traceback, or its last lines."""

import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from doitstack.private_files import last_lines

_LINES = 20
_EXCEPTION_LINES = 3
"""A message may have several lines; what comes after it in a log can hardly be told from it."""

_OF_UWSGI = re.compile(
    r"OOPS ! |unable to load app |\*\*\* |SIGINT/SIGTERM received|\w{3} \w{3} .* - need-app "
)
"""What uWSGI says after the traceback of an application that it cannot load."""

_BEGIN = "Traceback (most recent call last):"
_SEARCHED = 400
"""The lines at the end of a log among which a traceback is the reason."""

_FRAME = re.compile(r'\s+File "([^"]+)", line \d+')
_OF_OTHERS = ("/site-packages/", "/dist-packages/", "/lib/python3", "<frozen ")
"""Parts of the paths of code that the user has not written."""


def reason(log: Path) -> str:
    """Return why a service has died: the end of the last traceback in its log, or of the log."""
    lines = last_lines(log)[-_SEARCHED:]
    starts = [number for number, line in enumerate(lines) if _BEGIN in line]
    if not starts:
        return "\n".join(lines[-_LINES:])
    column = lines[starts[-1]].index(_BEGIN)
    return "\n".join(_end_of_traceback(_same_record(lines[starts[-1] :], column)[1:]))


def _same_record(lines: Sequence[str], column: int) -> list[str]:
    """Return the lines of a log record from `column` on: each begins with the time and so on."""
    beginnings = [re.sub(r"\d", "0", line[:column]) for line in lines]
    others = (number for number, text in enumerate(beginnings) if text != beginnings[0])
    return [line[column:] for line in lines[: next(others, len(lines))]]


def _end_of_traceback(lines: Sequence[str]) -> list[str]:
    """Return the user's last frame, the last frame, and the exception."""
    size = next((n for n, line in enumerate(lines) if not line.startswith(" ")), len(lines))
    starts = [number for number, line in enumerate(lines[:size]) if _FRAME.match(line)]
    frames = [lines[start:end] for start, end in zip(starts, [*starts[1:], size], strict=True)]
    own = [number for number, frame in enumerate(frames) if _is_of_user(frame[0])]
    shown = sorted({*own[-1:], len(frames) - 1} if frames else set())
    rest = takewhile(lambda line: not _OF_UWSGI.match(line), lines[size : size + _EXCEPTION_LINES])
    exception = [line for line in rest if line.strip()]
    return [*(line for number in shown for line in frames[number]), *exception]


def _is_of_user(line: str) -> bool:
    match = _FRAME.match(line)
    return match is not None and not any(part in match[1] for part in _OF_OTHERS)
