"""What modules read of their surroundings while they are imported.

A module that keeps what the environment said when it was imported would give one caller's values
to another. So it is noted who read what, and a call whose environment differs there is refused.
"""

import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

EVERYTHING = "*"
WORKING_DIRECTORY = "."

Readings = dict[str, set[str]]
"""Names of variables (EVERYTHING: all; WORKING_DIRECTORY), and the modules that have read them."""


@contextmanager
def watched_environment() -> Iterator[Readings]:
    """Give the readings, which grow while modules are imported inside."""
    readings: Readings = defaultdict(set)

    def note(name: object) -> None:
        module = _importing(sys._getframe(2))
        if module and isinstance(name, str):  # os.get_exec_path tries bytes, too
            readings[name].add(module)

    class Watched(type(os.environ)):  # type: ignore[misc]
        def __getitem__(self, name: str) -> Any:
            note(name)
            return super().__getitem__(name)

        def __iter__(self) -> Any:
            note(EVERYTHING)
            return super().__iter__()

    def getcwd() -> str:
        note(WORKING_DIRECTORY)
        return real_getcwd()

    real_getcwd, plain = os.getcwd, type(os.environ)
    os.environ.__class__, os.getcwd = Watched, getcwd
    try:
        yield readings
    finally:
        os.environ.__class__, os.getcwd = plain, real_getcwd


def _importing(frame: FrameType | None) -> str:
    """Return the module whose import has led to `frame`, or an empty string."""
    while frame:
        if frame.f_code.co_name == "<module>":
            name = str(frame.f_globals.get("__name__", ""))
            return "" if name == "__main__" else name
        frame = frame.f_back
    return ""
