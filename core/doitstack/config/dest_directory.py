"""DEST: whether it belongs to doitstack, and what `clean` may remove."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from doitstack.config.changes_in_place import CHANGES
from doitstack.config.dest_lock import LOCK
from doitstack.config.dest_mark import (
    OWNERSHIP_FILE,
    has_mark,
    is_marked,
    mark,
    record_stack_directory,
    removed_name,
    set_aside,
)
from doitstack.config.directory_owners import refuse_others, refuse_planted
from doitstack.config.host_settings import REPOSITORIES
from doitstack.config.settings import Settings
from doitstack.errors import SettingsError, StepError
from doitstack.private_files import (
    private_directory,
    read_regular,
    remove_tree,
    unfinished_copies,
)

DATABASE = ".doit.db"

_DIRECTORIES = ("DATA_DIR", "LOGDIR")

_CACHES = ("UV_CACHE_DIR", "DOITSTACK_CACHE_DIR")

WORK = (
    ".devstack",
    "apache",
    "async",
    "bin",
    "cache",
    "data",
    "etc",
    "logs",
    "supervisor",
    "units",
    "venvs",
    "warm",
)
_FILES = (
    "passwords",
    ".passwords.lock",
    "clouds.yaml",
    "openrc",
    ".localrc.auto",
    DATABASE,
    ".constraints",
    CHANGES,
)

SHARED = ("files", "horizon", "requirements")
"""Directories that are ours only if they have the mark: the user may have a checkout there."""


def claim(settings: Settings) -> None:
    """Create DEST and its directories, all private, and mark DEST and DATA_DIR as doitstack's.

    Raises SettingsError, having changed nothing, if they cannot be used or created.
    """
    check(settings)
    dest, data = settings.path("DEST"), settings.path("DATA_DIR")
    try:
        is_new = not dest.exists() or _is_begun(dest)
        _make(dest)
        # Again, as another user may have been faster. What has no mark after a crash is not ours.
        _check_dest(dest)
        mark(dest, is_new=is_new)
        record_stack_directory(dest, settings.path("TOP_DIR"))
        for name in _DIRECTORIES:
            _make_directory(name, settings.path(name))
        _check_directories(settings)
        if not _is_inside(data, dest):
            mark(data, is_new=False)
    except OSError as error:
        raise SettingsError(f"DEST={dest} cannot be used: {error}") from error


def _make_directory(name: str, path: Path) -> None:
    try:
        _make(path)
    except OSError as error:
        raise SettingsError(f"{name}={path} cannot be used: {error.strerror}") from error


def _make(path: Path) -> None:
    private_directory(path.parent)  # whatever the umask is, others must not write there
    path.mkdir(mode=0o700, exist_ok=True)


def check(settings: Settings) -> None:
    """Raise SettingsError if DEST, DATA_DIR, LOGDIR or a chosen cache must not be used.

    Each exists or can be created; none may belong to another user, or be writable by one. DEST must
    not contain other files under doitstack's names, no plugin repository may have one of these
    names, and DATA_DIR must not contain other files.
    """
    dest, data = settings.path("DEST"), settings.path("DATA_DIR")
    for plugin in settings.local.plugins:
        if plugin.name in (*WORK, *_FILES):
            raise SettingsError(
                f"enable_plugin {plugin.name}: doitstack uses {dest / plugin.name}; "
                f"choose another name"
            )
    try:
        if dest.exists():
            _check_dest(dest)
        _check_directories(settings)
        _check_caches(settings)
        if not _is_inside(data, dest):
            _refuse_data(data)
        _refuse_impossible(settings)
    except OSError as error:
        raise SettingsError(f"DEST={dest} cannot be used: {error}") from error


def _check_directories(settings: Settings) -> None:
    """Raise SettingsError if others can change DATA_DIR or LOGDIR outside of DEST."""
    for name in _DIRECTORIES:
        path = settings.path(name)
        if path.is_dir() and not _is_inside(path, settings.path("DEST")):
            refuse_others(name, path, path.stat())


def _check_caches(settings: Settings) -> None:
    """Raise SettingsError for a cache that another user may have put in the way: we run it."""
    for name in _CACHES:
        if place := settings.get(name):
            refuse_planted(name, settings.path("TOP_DIR") / place)


def _refuse_another_owner(dest: Path, name: str, descriptor: int) -> None:
    """Raise SettingsError if the file `name` in DEST, which is open, belongs to another user."""
    try:
        found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return
    if found.st_uid not in {0, os.geteuid()}:
        raise SettingsError(
            f"{dest / name} belongs to another user; remove it, or set DEST to a "
            f"directory of your own"
        )


def _check_dest(dest: Path) -> None:
    """Raise SettingsError if others can change DEST, or have put something into it."""
    descriptor = os.open(dest, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        refuse_others("DEST", dest, os.fstat(descriptor))
        for name in (*WORK, *_FILES, LOCK, OWNERSHIP_FILE):
            _refuse_another_owner(dest, name, descriptor)
        if not has_mark(descriptor):
            _refuse_strangers(dest)
    finally:
        os.close(descriptor)


def _refuse_impossible(settings: Settings) -> None:
    """Raise SettingsError for a directory that cannot be created, or only where others could."""
    for name in ("DEST", "DATA_DIR", "LOGDIR"):
        path = settings.path(name)
        refuse_planted(name, path)
        existing = next(one for one in (path, *path.parents) if os.path.lexists(one))
        if not existing.is_dir():
            why = f"{existing} is not a directory"
        elif existing != path and not _is_writable(existing):
            why = f"nothing can be created in {existing}"
        else:
            continue
        raise SettingsError(f"{name}={path} cannot be used: {why}")


def _is_writable(directory: Path) -> bool:
    """Return whether we can create files there; not even root can in the kernel's own."""
    is_kernels = any(map(directory.is_relative_to, ("/proc", "/sys")))
    return os.access(directory, os.W_OK | os.X_OK, effective_ids=True) and not is_kernels


def _refuse_data(data: Path) -> None:
    """Raise SettingsError for a DATA_DIR in which plugins would remove files of others."""
    if data.is_dir() and any(data.iterdir()) and not is_marked(data):
        raise SettingsError(
            f"DATA_DIR={data} is not empty and not doitstack's; "
            f"set DATA_DIR to a separate directory"
        )


def _refuse_strangers(dest: Path) -> None:
    # A run that was killed before it marked DEST has left empty directories.
    work = [name for name in WORK if not _is_empty_directory(dest / name)]
    names = (*work, *_FILES, OWNERSHIP_FILE)
    strangers = [name for name in names if os.path.lexists(dest / name)]
    if strangers:
        raise SettingsError(
            f"DEST={dest} is not doitstack's and already has: {', '.join(strangers)}; "
            f"set DEST to a separate directory, or move these away"
        )


def _is_begun(dest: Path) -> bool:
    """Return whether `dest` has nothing but what is there before it is marked."""
    found = list(dest.iterdir())
    copies = unfinished_copies(dest / OWNERSHIP_FILE)
    rest = [path for path in found if path not in copies]
    return bool(found) and all(path.name in WORK and _is_empty_directory(path) for path in rest)


def _is_empty_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not any(path.iterdir())


def owned(settings: Settings) -> list[Path]:
    """Return the paths that `clean` removes: those of doitstack that exist.

    Raises SettingsError when DEST is not ours.
    """
    dest = settings.path("DEST")
    left = removed_name(dest)
    # What is above DEST may be a directory of all users.
    return [*([left] if _is_of_our_user(left) else []), *_owned_in(dest, settings)]


def _owned_in(dest: Path, settings: Settings) -> list[Path]:
    if not dest.exists():
        return []
    if not is_marked(dest) and not _is_begun(dest):
        raise SettingsError(
            f"DEST={dest} is not doitstack's (it has no {OWNERSHIP_FILE}); nothing has been removed"
        )
    names = [dest / name for name in (*WORK, *_FILES)]
    names += [removed_name(dest / name) for name in SHARED]
    names += [dest / name for name in SHARED if _is_own_directory(dest / name)]
    moved = [settings.path("DATA_DIR"), settings.path("LOGDIR")]
    names += [path for path in moved if _is_inside(path, dest)]
    names += _links_to_clones(dest, settings)
    for name in (*_FILES, OWNERSHIP_FILE, *SHARED):
        names += unfinished_copies(dest / name)
    return [path for path in dict.fromkeys(names) if os.path.lexists(path)]


def _links_to_clones(dest: Path, settings: Settings) -> list[Path]:
    """Return the links to the clones of another host; a clone in DEST is the user's."""
    names = [dest / plugin.name for plugin in settings.local.plugins]
    links = [(name, name.readlink()) for name in names if name.is_symlink()]
    return [name for name, clone in links if clone.parent.name == REPOSITORIES]


def _is_own_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and is_marked(path)


def _is_of_our_user(path: Path) -> bool:
    return os.path.lexists(path) and path.lstat().st_uid == os.geteuid()


def remove(settings: Settings) -> None:
    """Remove doitstack's files from DEST, and DEST itself if doitstack made it and it is empty.

    Raises StepError for a path that cannot be removed; DEST then stays marked.
    """
    dest = settings.path("DEST")
    for path in owned(settings):
        with _error_about(path):
            _remove(path)
    if dest.exists():
        with _error_about(dest):
            _remove_dest(dest)


@contextmanager
def _error_about(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # Of a directory that is set aside, what has its new name may be in the way.
        place = error.filename2 if error.errno == errno.ENOTEMPTY else error.filename
        raise StepError(
            f"{path} cannot be removed: {error.strerror}: {place or error.filename}; "
            f"remove it yourself, then run it again"
        ) from error


def _remove_dest(dest: Path) -> None:
    """Remove `dest` if doitstack made it and nothing else is in it; else only what marks it."""
    is_ours = not is_marked(dest) or read_regular(dest / OWNERSHIP_FILE).startswith(b"made")
    if is_ours and {path.name for path in dest.iterdir()} <= {LOCK, OWNERSHIP_FILE}:
        _remove(set_aside(dest))
        return
    for name in (LOCK, OWNERSHIP_FILE):
        (dest / name).unlink(missing_ok=True)


def discard(settings: Settings, *paths: Path) -> None:
    """Remove files of a plugin, but nothing outside of DEST and DATA_DIR."""
    ours = (settings.path("DEST"), settings.path("DATA_DIR"))
    for path in paths:
        if any(_is_inside(path, directory) for directory in ours):
            with suppress(OSError):  # `remove`, which comes last, reports it
                _remove(path)


def _is_inside(path: Path, dest: Path) -> bool:
    """Return whether `path` is really below `dest`, with links and dots resolved."""
    real = Path(os.path.realpath(path.parent), path.name)
    return ".." not in path.parts and Path(os.path.realpath(dest)) in real.parents


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        remove_tree(set_aside(path) if path.name in SHARED else path)
    else:
        path.unlink(missing_ok=True)
