"""The directories of caches that several stacks share: packages of uv, byte code, results."""

import os
import stat
from contextlib import suppress
from itertools import chain
from pathlib import Path

from doitstack.config.settings import Settings

CACHES = ("bytecode", "schemas", "static-files", "hosts", "guests")
BYTECODE, SCHEMAS, STATIC_FILES, HOSTS, GUESTS = CACHES
"""The directories in the cache directory: of byte code, of schemas of databases, of horizon, of the
environments that are sent to other hosts, and of what guests and their consoles need.
"""


def cache_directory(settings: Settings) -> Path:
    """Return DOITSTACK_CACHE_DIR, by default `doitstack` in the user's cache directory.

    If the user cannot write there, it is below DEST, where `doit clean` removes it.
    """
    chosen = settings.get("DOITSTACK_CACHE_DIR")
    if chosen:
        return settings.path("TOP_DIR") / chosen
    return _users_cache(settings, "doitstack") or settings.path("DEST") / "cache"


def uv_variables(settings: Settings) -> dict[str, str]:
    """Return the variables with which uv finds a cache that it can write to, and obeys OFFLINE."""
    variables = {}
    if settings.get("UV_CACHE_DIR"):
        variables["UV_CACHE_DIR"] = settings["UV_CACHE_DIR"]
    elif not _users_cache(settings, "uv"):
        variables["UV_CACHE_DIR"] = str(settings.path("DEST") / "cache" / "uv")
    if settings.is_true("OFFLINE"):
        variables["UV_OFFLINE"] = "true"
    return variables


def _users_cache(settings: Settings, name: str) -> Path | None:
    """Return the directory `name` in the user's cache directory, or None if it cannot be used.

    As the XDG Base Directory Specification demands, a relative XDG_CACHE_HOME is ignored.
    """
    # It stays "~", which is no absolute path, for a user id that has no account.
    home = settings.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - Path raises
    base = Path(settings.get("XDG_CACHE_HOME"))
    path = (base if base.is_absolute() else Path(home) / ".cache") / name
    with suppress(OSError):  # links in a circle, a name that is too long
        return path if path.is_absolute() and _is_own(path) and _is_writable(path) else None
    return None


def _is_writable(path: Path) -> bool:
    """Return whether `path` is a directory in which we can write, or can be made one."""
    existing = next(parent for parent in (path, *path.parents) if os.path.lexists(parent))
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)


def _is_own(path: Path) -> bool:
    """Return whether no other user can put anything into `path`, or something in its place.

    A cache has programs that we run.
    """
    for place in chain((path,), path.parents):
        with suppress(FileNotFoundError):
            found = place.stat()
            is_shared = bool(found.st_mode & stat.S_IWOTH)
            if place == path and (is_shared or found.st_uid != os.geteuid()):
                return False
            if place != path:
                is_sticky = bool(found.st_mode & stat.S_ISVTX)
                return found.st_uid in {0, os.geteuid()} and (is_sticky or not is_shared)
    return True
