"""Times and counts as people say them."""

import time

from doitstack.steps import Kind, Step


def spoken_seconds(seconds: float) -> str:
    """Return a duration: `< 0.01 s`, `0.04 s`, `8.2 s`, `3 min 12 s`, `1 h 05 min`."""
    if seconds < 0:
        return f"\N{MINUS SIGN}{spoken_seconds(-seconds)}"
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


def spoken_change(seconds: float) -> str:
    """Return a difference of durations with its sign."""
    return f"{'+' if seconds > 0 else ''}{spoken_seconds(seconds)}"


def spoken_date(seconds: float) -> str:
    """Return a moment as people write it, in UTC."""
    return time.strftime("%-d %B %Y, %H:%M UTC", time.gmtime(seconds))


def iso_date(seconds: float) -> str:
    """Return a moment for machines, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def counted(number: int, what: str) -> str:
    """Return `1 step`, `2 steps`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def brief_name(step: Step, told: int) -> str:
    """Return the name of a step. An async_wait is called by all its futures: `told` of them do."""
    more = len(step.waits) - told
    if step.kind is not Kind.ASYNC_WAIT or more <= 0:
        return step.name
    return f"async_wait-{'-'.join(step.waits[:told])} and {more} more"
