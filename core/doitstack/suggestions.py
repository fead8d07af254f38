"""Suggest known names for one that is unknown."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean NAME?` for the known name that is most like `name`, or nothing."""
    near = get_close_matches(name, sorted(set(known)), n=1, cutoff=0.65)
    return f"; did you mean {near[0]}?" if near else ""
