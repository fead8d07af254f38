"""Durations, dates, counts and names as text."""

import time
from collections.abc import Sequence
from pathlib import Path

from doitstack.steps import Kind, Step


def format_duration(seconds: float) -> str:
    """Return a duration: `< 0.01 s`, `0.04 s`, `8.2 s`, `3 min 12 s`, `1 h 05 min`."""
    if seconds < 0:
        return f"\N{MINUS SIGN}{format_duration(-seconds)}"
    if seconds < 0.005:
        return "0 s" if seconds == 0 else "< 0.01 s"
    if seconds < 0.095:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def format_change(seconds: float) -> str:
    """Return a difference of durations with its sign."""
    return f"{'+' if seconds > 0 else ''}{format_duration(seconds)}"


def format_clock(seconds: float) -> str:
    """Return a duration as a clock shows it: `12 s`, `1:35`, `1:02:03`."""
    whole = int(max(0.0, seconds) + 0.5)
    minutes, rest = divmod(whole, 60)
    if not minutes:
        return f"{whole} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_tick(seconds: float, every: float) -> str:
    """Return the label of a point in time on an axis with a label `every` so many seconds."""
    if every < 60:
        return f"{seconds:g} s" if seconds < 60 else format_clock(seconds)
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d}" if minutes >= 60 else f"{minutes} min"


def format_date(seconds: float) -> str:
    """Return a date for people, in UTC: `24 November 2026, 04:05 UTC`."""
    return time.strftime("%-d %B %Y, %H:%M UTC", time.gmtime(seconds))


def iso_date(seconds: float) -> str:
    """Return a date for machines, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def counted(number: int, what: str) -> str:
    """Return `1 step`, `2 steps`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def short_path(path: Path | str) -> str:
    """Return a path relative to the current directory, the stack directory, if it is below that."""
    return str(path).removeprefix(f"{Path.cwd()}/")


def brief_list(names: Sequence[str], most: int) -> str:
    """Return names as a list that shows at most so many: `a, b and 3 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def brief_name(step: Step, most: int) -> str:
    """Return the name of a step. That of an async_wait names at most so many of its futures."""
    more = len(step.waits) - most
    if step.kind is not Kind.ASYNC_WAIT or more <= 0:
        return step.name
    return f"async_wait-{'-'.join(step.waits[:most])} and {more} more"
