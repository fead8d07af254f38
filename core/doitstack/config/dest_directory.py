"""DEST: whether it belongs to doitstack, which run uses it, and what `clean` may remove."""

import fcntl
import os
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from doitstack.config.changes_in_place import CHANGES
from doitstack.config.dest_mark import (
    OWNERSHIP_FILE,
    has_mark,
    is_marked,
    mark,
    record_stack_directory,
)
from doitstack.config.directory_owners import refuse_others, refuse_planted
from doitstack.config.host_settings import REPOSITORIES
from doitstack.config.settings import Settings
from doitstack.errors import BusyError, SettingsError, StepError
from doitstack.private_files import (
    open_regular,
    private_directory,
    read_regular,
    unfinished_copies,
)

LOCK = ".lock"
DATABASE = ".doit.db"

_DIRECTORIES = ("DATA_DIR", "LOGDIR")

_CACHES = ("UV_CACHE_DIR", "DOITSTACK_CACHE_DIR")

_FLOCK = "hhqqi0q"
"""The C structure `flock`: kind, whence, start, length, pid."""

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


@contextmanager
def held(dest: Path) -> Iterator[None]:
    """Keep other runs out of `dest` until the end of the block. Raises BusyError at once.

    This is a POSIX lock, unlike that of `private_files.locked`: forked futures do not inherit it,
    and others can find out which process holds it. The kernel releases it when its holder dies.
    """
    descriptor = open_regular(dest / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)
    try:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            raise BusyError(
                f"another run uses {dest} (pid {holder}); wait for it, or stop it with Ctrl-C"
            ) from error
        # For the message above only: `unstack` and `clean` must go on if the disk is full.
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def holder(dest: Path) -> int | None:
    """Return the pid of the run that uses `dest` now, if any.

    Not for that run itself, which would lose its lock: POSIX has it so when a file is closed.
    """
    try:
        descriptor = open_regular(dest / LOCK, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        # There is none, or no lock of ours.
        return None
    try:
        wanted = struct.pack(_FLOCK, fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, wanted))
    finally:
        os.close(descriptor)
    return None if kind == fcntl.F_UNLCK else int(pid)


def owned(settings: Settings) -> list[Path]:
    """Return the paths that `clean` removes: those of doitstack that exist.

    Raises SettingsError when DEST is not ours.
    """
    dest = settings.path("DEST")
    if not dest.exists():
        return []
    if not is_marked(dest) and not _is_begun(dest):
        raise SettingsError(
            f"DEST={dest} is not doitstack's (it has no {OWNERSHIP_FILE}); nothing has been removed"
        )
    names = [dest / name for name in (*WORK, *_FILES)]
    names += [dest / name for name in SHARED if _is_own_directory(dest / name)]
    moved = [settings.path("DATA_DIR"), settings.path("LOGDIR")]
    names += [path for path in moved if _is_inside(path, dest)]
    names += _links_to_clones(dest, settings)
    for name in (*_FILES, OWNERSHIP_FILE):
        names += unfinished_copies(dest / name)
    return [path for path in dict.fromkeys(names) if os.path.lexists(path)]


def _links_to_clones(dest: Path, settings: Settings) -> list[Path]:
    """Return the links to the clones of another host; a clone in DEST is the user's."""
    names = [dest / plugin.name for plugin in settings.local.plugins]
    links = [(name, name.readlink()) for name in names if name.is_symlink()]
    return [name for name, clone in links if clone.parent.name == REPOSITORIES]


def _is_own_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and is_marked(path)


def remove(settings: Settings) -> None:
    """Remove doitstack's files from DEST, and DEST itself if doitstack made it and it is empty.

    Raises StepError for a path that cannot be removed; DEST then stays marked.
    """
    dest = settings.path("DEST")
    for path in owned(settings):
        try:
            _remove(path)
        except OSError as error:
            raise StepError(
                f"{path} cannot be removed: {error.strerror}: {error.filename}; "
                f"remove it yourself, then run it again"
            ) from error
    if not dest.exists():
        return
    is_made_by_us = not is_marked(dest) or read_regular(dest / OWNERSHIP_FILE).startswith(b"made")
    for name in (LOCK, OWNERSHIP_FILE):
        (dest / name).unlink(missing_ok=True)
    if is_made_by_us:
        with suppress(OSError):
            dest.rmdir()


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
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
