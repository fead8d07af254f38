"""The mark of a DEST: that it is doitstack's, and which stack directory uses it."""

import os
import stat
from pathlib import Path

from doitstack.private_files import new_directory, read_regular, write_private

OWNERSHIP_FILE = ".doitstack"
"""The file that marks a directory as doitstack's, and records whether doitstack created it."""

_REMOVED = ".doitstack-removed"
"""How the name of a directory ends whose mark may be gone, as it is being removed."""

_TOP_DIR = "TOP_DIR="
"""How the line of that file begins that names the stack directory."""


def mark(directory: Path, *, is_new: bool) -> None:
    """Mark a directory as doitstack's, unless it is marked already. Raises OSError."""
    if not is_marked(directory):
        write_private(directory / OWNERSHIP_FILE, f"{'made' if is_new else 'found'} by doitstack\n")


def make_marked(directory: Path) -> None:
    """Make a directory that is marked from its first moment. Raises OSError."""
    with new_directory(directory) as new:
        mark(new, is_new=True)


def set_aside(directory: Path) -> Path:
    """Give a marked directory the name `removed_name`, and return that. Raises OSError.

    It cannot be removed together with its mark, and without the mark it would be the user's.
    """
    return directory.rename(removed_name(directory))


def removed_name(directory: Path) -> Path:
    """Return the name that a marked directory has while it is being removed."""
    return directory.with_name(f".{directory.name}{_REMOVED}")


def is_marked(directory: Path) -> bool:
    """Return whether a directory is doitstack's. Raises OSError if it cannot be opened."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return has_mark(descriptor)
    finally:
        os.close(descriptor)


def has_mark(descriptor: int) -> bool:
    """Return whether the directory that is open as `descriptor` is doitstack's."""
    try:
        found = os.stat(OWNERSHIP_FILE, dir_fd=descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode)


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
