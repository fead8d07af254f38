"""Suggest known names for one that is unknown."""

from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean NAME?` for the known name that is most like `name`, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415 - for mistakes only

    near = get_close_matches(name, sorted(set(known)), n=1, cutoff=0.65)
    return f"; did you mean {near[0]}?" if near else ""
