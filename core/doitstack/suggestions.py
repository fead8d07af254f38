"""Suggest a known name for an unknown one."""

from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean NAME?` with the known name most similar to `name`, or "".

    A name that is known itself has no such name.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - for mistakes only

    names = set(known)
    if name in names:
        return ""
    spellings = {one.casefold(): one for one in sorted(names, reverse=True)}
    near = get_close_matches(name.casefold(), sorted(spellings), n=1, cutoff=0.65)
    return f"; did you mean {spellings[near[0]]}?" if near else ""
