"""The mark of a DEST: that it is doitstack's, and which stack directory uses it."""

import os
from pathlib import Path

from doitstack.private_files import read_regular, write_private

OWNERSHIP_FILE = ".doitstack"
"""The file that marks a directory as doitstack's, and records whether doitstack created it."""

_TOP_DIR = "TOP_DIR="
"""How the line of that file begins that names the stack directory."""


def record_stack_directory(dest: Path, top_dir: Path) -> None:
    """Write into the mark of `dest` which stack directory uses it. Raises OSError."""
    made, _, _ = read_regular(dest / OWNERSHIP_FILE).decode(errors="replace").partition("\n")
    write_private(dest / OWNERSHIP_FILE, f"{made}\n{_TOP_DIR}{os.path.realpath(top_dir)}\n")


def stack_directory_of(dest: Path) -> str:
    """Return the stack directory that has used `dest` last; empty if it is no DEST of our user."""
    try:
        if dest.stat().st_uid != os.geteuid():
            return ""
        mark = read_regular(dest / OWNERSHIP_FILE).decode(errors="replace")
    except OSError:
        return ""
    for line in mark.splitlines():
        if line.startswith(_TOP_DIR):
            return line.removeprefix(_TOP_DIR)
    # Earlier versions did not record it.
    return os.path.realpath(dest.parent) if dest.name == ".stack" else ""
