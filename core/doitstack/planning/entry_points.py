"""The entry points of a group, and the names of the distributions that have them.

`importlib.metadata.entry_points` parses the entry points of all distributions in each call, and
each access to a distribution's name parses its metadata, README included.
"""

import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distributions


def entry_points(group: str) -> Iterator[EntryPoint]:
    """Yield the entry points of a group; parse only the distributions that have it."""
    seen: set[str] = set()
    for directory in sys.path:
        for distribution, text in _with_entry_points(directory):
            if f"[{group}]" in text and distribution_name(distribution) not in seen:
                seen.add(distribution_name(distribution))
                yield from distribution.entry_points.select(group=group)


@cache
def _with_entry_points(directory: str) -> list[tuple[Distribution, str]]:
    """Return the distributions of a directory that have entry points, and the texts of these."""
    found = ((one, one.read_text("entry_points.txt")) for one in distributions(path=[directory]))
    return [(one, text) for one, text in found if text]


@cache
def distribution_name(distribution: Distribution) -> str:
    """Return the name of a distribution."""
    metadata = distribution.read_text("METADATA") or ""
    found = re.search(r"(?m)^Name: *(\S+)", metadata)
    return found[1] if found else distribution.name
