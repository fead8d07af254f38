"""Let /proc show the program that a fork runs, for `ps` and for all who look for its variables."""

import ctypes
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_NAME = 15  # linux/prctl.h
_ARG_START = 45
"""The field of /proc/PID/stat after the name; the next three are the other limits (proc(5))."""

_libc = ctypes.CDLL(None)


def show_in_proc(argv: Sequence[str], environ: Mapping[str, str]) -> None:
    """Show these arguments and variables, as far as they fit where the server's own are.

    C's environment is empty then: its variables were there. `os.environ` stays as it is.
    """
    _libc.prctl(_PR_SET_NAME, os.fsencode(Path(argv[0]).name), 0, 0, 0)
    fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace")
    limits = fields.rpartition(")")[2].split()[_ARG_START:]
    arguments, arguments_end, variables, variables_end = map(int, limits[:4])
    if not arguments or not variables:
        return  # the kernel does not tell
    _libc.clearenv()
    words = [sys.executable, *argv]
    _write(arguments, arguments_end - arguments, words)
    # The shortest first: of what does not fit, little is missing.
    pairs = sorted((f"{name}={value}" for name, value in environ.items()), key=len)
    _write(variables, variables_end - variables, pairs)


def _write(address: int, size: int, texts: Sequence[str]) -> None:
    """Fill memory with the first of `texts` that fit, each ending in NUL."""
    data = bytearray()
    for text in map(os.fsencode, texts):
        if len(data) + len(text) + 1 > size:
            break
        data += text + b"\0"
    ctypes.memset(address, 0, size)
    ctypes.memmove(address, bytes(data), len(data))
