"""Whether another user could change a directory of doitstack's, or put one in its place."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from doitstack.errors import SettingsError


def refuse_others(name: str, path: Path, found: os.stat_result) -> None:
    """Raise SettingsError if others could change a directory: links under our names, programs."""
    link = path.lstat()
    if stat.S_ISLNK(link.st_mode) and _is_another(link):
        raise SettingsError(
            f"{name}={path} is a link of another user; set {name} to a directory of your own"
        )
    if found.st_uid != os.geteuid():
        raise SettingsError(
            f"{name}={path} belongs to another user; set {name} to a directory of your own"
        )
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SettingsError(
            f"{name}={path} can be changed by other users; check its content, then "
            f"`chmod go-w {path}`, or set {name} to a directory of your own"
        )
    refuse_planted(name, path)


def refuse_planted(name: str, path: Path) -> None:
    """Raise SettingsError if `path`, or what is above it, is another user's in a directory for all.

    In a directory such as /tmp, another user may have put it in the way, and can replace it later.
    """
    real = Path(os.path.realpath(path))
    for place in (path, *path.parents, real, *real.parents):
        with suppress(FileNotFoundError, NotADirectoryError):
            is_open = place.parent.stat().st_mode & stat.S_IWOTH
            if is_open and _is_another(place.lstat()):
                raise SettingsError(
                    f"{name}={path}: {place} belongs to another user; set {name} to a directory "
                    f"of your own"
                )


def _is_another(found: os.stat_result) -> bool:
    return found.st_uid not in {0, os.geteuid()}
