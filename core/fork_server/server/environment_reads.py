"""The variables that modules read while they are imported.

A module that keeps what it has read during its import would give one caller's values to another. So
reads are recorded, and a call whose environment differs there is refused.
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

Reads = dict[str, set[str]]
"""Names of variables (EVERYTHING: all; WORKING_DIRECTORY), and the modules that have read them."""


@contextmanager
def recorded_reads() -> Iterator[Reads]:
    """Yield the reads, which grow while modules are imported inside."""
    reads: Reads = defaultdict(set)

    def record(name: object) -> None:
        module = _importing_module(sys._getframe(2))
        if module and isinstance(name, str):  # os.get_exec_path tries bytes, too
            reads[name].add(module)

    class RecordingEnviron(type(os.environ)):  # type: ignore[misc]
        def __getitem__(self, name: str) -> Any:
            record(name)
            return super().__getitem__(name)

        def __iter__(self) -> Any:
            record(EVERYTHING)
            return super().__iter__()

    def getcwd() -> str:
        record(WORKING_DIRECTORY)
        return real_getcwd()

    real_getcwd, plain = os.getcwd, type(os.environ)
    os.environ.__class__, os.getcwd = RecordingEnviron, getcwd
    try:
        yield reads
    finally:
        os.environ.__class__, os.getcwd = plain, real_getcwd


def _importing_module(frame: FrameType | None) -> str:
    """Return the module whose import has led to `frame`, or an empty string."""
    while frame:
        if frame.f_code.co_name == "<module>":
            name = str(frame.f_globals.get("__name__", ""))
            return "" if name == "__main__" else name
        frame = frame.f_back
    return ""
