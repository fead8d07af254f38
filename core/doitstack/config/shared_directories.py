"""Directories of DEST in which scripts write, and in whose place the user may have a checkout."""

import os
from contextlib import suppress
from pathlib import Path

from doitstack.config.dest_directory import SHARED, WORK
from doitstack.config.dest_mark import is_marked, make_marked
from doitstack.config.settings import Settings


def shared_directory(settings: Settings, path: Path) -> bool:
    """Make a directory in which scripts may write; return whether that is so.

    Nothing is changed if `path` is outside of DEST and DATA_DIR, in a directory of the user's, or
    cannot be made: a script that needs it shows why.
    """
    with suppress(OSError):
        if _is_below_ours(settings, path):
            path.mkdir(parents=True, exist_ok=True)
            return True
    return False


def _is_below_ours(settings: Settings, path: Path) -> bool:
    dest = settings.path("DEST")
    if ".." in path.parts:
        return False
    if settings.path("DATA_DIR") in path.parents:
        return True
    if dest not in path.parents:
        return False
    top = dest / path.relative_to(dest).parts[0]
    return top.name in WORK or (top.name in SHARED and _is_taken(top))


def _is_taken(directory: Path) -> bool:
    """Make and mark a directory unless it is the user's; return whether it is ours."""
    if not os.path.lexists(directory):
        make_marked(directory)
    return not directory.is_symlink() and is_marked(directory)
