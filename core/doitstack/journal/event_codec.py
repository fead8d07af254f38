"""The line of JSON that holds an event: written and read here only.

A line has the time, the name of the event, and its fields; some durations and times are in ms.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from enum import Enum
from functools import cache
from typing import Any, NamedTuple, NoReturn

from doitstack.journal.events import EVENTS, Event
from doitstack.journal.status import Status
from doitstack.steps import Kind


class _Format(NamedTuple):
    """How a line holds a value: JSON of `types`, with conversions if the value differs."""

    types: frozenset[type]
    read: Callable[[Any], Any] | None = None
    write: Callable[[Any], Any] | None = None


def _enum(members: type[Enum]) -> _Format:
    by_value = {member.value: member for member in members}
    return _Format(frozenset({str}), by_value.__getitem__, lambda member: member.value)


def _strings(values: list[Any]) -> tuple[str, ...]:
    if any(type(value) is not str for value in values):
        raise TypeError
    return tuple(values)


def _pair(values: list[Any] | None) -> tuple[int, int] | None:
    if values is None:
        return None
    first, second = values
    if type(first) is not int or type(second) is not int:
        raise TypeError
    return first, second


_NONE = type(None)
_MILLISECONDS = _Format(frozenset({int}), lambda ms: ms / 1000, lambda s: round(s * 1000))
_FORMATS: dict[Any, _Format] = {
    str: _Format(frozenset({str})),
    str | None: _Format(frozenset({str, _NONE})),
    int: _Format(frozenset({int})),
    int | None: _Format(frozenset({int, _NONE})),
    bool: _Format(frozenset({bool})),
    float: _Format(frozenset({int, float}), write=lambda value: round(value, 4)),
    float | None: _Format(frozenset({int, float, _NONE})),
    tuple[str, ...]: _Format(frozenset({list}), _strings),
    tuple[int, int] | None: _Format(frozenset({list, _NONE}), _pair),
    Kind: _enum(Kind),
    Status: _enum(Status),
}


_MOST = 10**13
"""A larger number is damage: no pid, no byte of a log, and as a time in ms it is after 2286."""


def _not_a_number(name: str) -> NoReturn:
    raise ValueError(name)


def _int(text: str) -> int:
    number = int(text)
    if not -_MOST <= number <= _MOST:
        raise ValueError(text)
    return number


def _float(text: str) -> float:
    number = float(text)
    if not -_MOST <= number <= _MOST:  # 1e999 is infinite
        raise ValueError(text)
    return number


_to_json = json.JSONEncoder().encode
_from_json = json.JSONDecoder(
    parse_int=_int, parse_float=_float, parse_constant=_not_a_number
).decode

_Write = tuple[str, str, bool, Callable[[Any], Any] | None]
"""An event's field, its key in a line, whether that leaves it out if empty, and the conversion."""

_Read = tuple[str, frozenset[type], Callable[[Any], Any] | None]
"""An event's field, the JSON types that it may have, and the conversion."""


@cache
def _formats(event: str) -> tuple[Sequence[_Write], Mapping[str, _Read]]:
    """Return how to write the fields of an event, and, by key, how to read them."""
    writing: list[_Write] = []
    reading: dict[str, _Read] = {"time": ("time", *_FORMATS[float][:2])}
    for each in fields(EVENTS[event]):
        if each.name != "time":
            how = each.metadata
            types, read, write = _MILLISECONDS if "milliseconds" in how else _FORMATS[each.type]
            key = how.get("milliseconds", each.name)
            writing.append((each.name, key, "is_optional" in how, write))
            reading[key] = (each.name, types, read)
    return writing, reading


def encode(event: Event, time: float) -> bytes:
    """Return the line of an event that happens at `time` (s since the epoch)."""
    line: dict[str, Any] = {"time": round(time, 4), "event": event.event}
    values = vars(event)
    for name, key, is_optional, write in _formats(event.event)[0]:
        value = values[name]
        if not (is_optional and value in ("", None)):
            line[key] = write(value) if write else value
    return f"{_to_json(line)}\n".encode()


_START = b'{"time": '
"""How `encode` begins each line. Without it, a line is refused in a twentieth of the time."""


def decode(line: bytes) -> Event | None:
    """Return the event of a line, or None if it is damaged or of a kind that is not known here."""
    if not line.startswith(_START):
        return None
    try:
        values = _from_json(line.decode())
        kind = values["event"]
        formats = _formats(kind)[1]
        known: dict[str, Any] = {}
        for key, value in values.items():
            if key in formats:
                name, types, read = formats[key]
                if type(value) not in types:
                    return None
                known[name] = read(value) if read else value
        return EVENTS[kind](**known) if "time" in known else None
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


_TEXT = re.compile(rb'("(?:command|component|error|text)": ")((?:[^"\\]|\\.)*)')
"""The values in a line that may have a secret; its structure has none, and must stay."""


def masked(line: bytes, mask: Callable[[bytes], bytes]) -> bytes:
    """Return a line with its texts masked; `mask` keeps the length of what it is given."""
    new = _TEXT.sub(lambda text: text[1] + mask(text[2]), line)
    if new != line and decode(line) and not decode(new):  # an escape was cut
        new = _TEXT.sub(lambda text: text[1] + b"*" * len(text[2]), line)
    return new
