"""Pins for a source tree that needs other versions than those that are pinned.

Only the versions that stand in its way are given up: of all others, uv keeps what is pinned.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from doitstack.editable_installs import without_packages
from doitstack.private_files import write_private
from doitstack.records import Record
from doitstack.source_trees import normalised

NO_SOLUTION = "No solution found"
"""What uv says if no choice of versions meets all requirements."""

_PIN = re.compile(r"(?m)^([A-Za-z0-9][A-Za-z0-9._-]*)===?([^\s;\\]+)")


class RelaxedPins(Record):
    """The text of the constraints, and what differs from those that were given: `a 1 (not 2)`."""

    text: str
    changes: tuple[str, ...]


def relax(
    pins: str,
    *,
    trees: Iterable[Path],
    requirements: Iterable[str],
    directory: Path,
    run_uv: Callable[[Sequence[str]], None],
) -> RelaxedPins:
    """Return pins that allow these trees and requirements; `directory` is for files of uv.

    Raises StepError if there are none.
    """
    wanted, solution = directory / "doitstack.wanted", directory / "doitstack.solution"
    lines = [*(f"--editable {tree.as_uri()}" for tree in trees), *requirements]
    write_private(wanted, "".join(f"{line}\n" for line in lines))
    # uv prefers the versions that are in this file already.
    write_private(solution, pins)
    run_uv(["--no-annotate", "--no-header", "--output-file", str(solution), str(wanted)])
    return _replaced(pins, solution.read_text(encoding="utf-8"))


def _replaced(pins: str, solution: str) -> RelaxedPins:
    """Return the pins, with the versions of a solution where they are others."""
    pinned: dict[str, list[str]] = {}
    for name, version in _PIN.findall(pins):
        pinned.setdefault(normalised(name), []).append(version)  # some by version of Python
    new = {
        normalised(name): version
        for name, version in _PIN.findall(solution)
        if version not in pinned.get(normalised(name), [version])
    }
    text = without_packages(pins, new) + "".join(f"{name}=={new[name]}\n" for name in sorted(new))
    changes = (f"{name} {new[name]} (not {' or '.join(pinned[name])})" for name in sorted(new))
    return RelaxedPins(text, tuple(changes))
