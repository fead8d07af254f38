"""DEST: whether it belongs to doitstack, who uses it, and what `clean` may remove."""

import fcntl
import os
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from doitstack.config.settings import Settings
from doitstack.errors import BusyError, SettingsError, StepError
from doitstack.private_files import write_private

OWNERSHIP_FILE = ".doitstack"
"""The file that marks a directory as doitstack's, and says whether doitstack created it."""

LOCK = ".lock"
DATABASE = ".doit.db"

_FLOCK = "hhqqi0q"
"""The C structure `flock`: kind, whence, start, length, pid."""

_WORK = (
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
)


def claim(settings: Settings) -> None:
    """Create DEST and its directories, all private, and mark DEST and DATA_DIR as doitstack's.

    Raises SettingsError, having changed nothing, if they cannot be used or created.
    """
    check(settings)
    dest, data = settings.path("DEST"), settings.path("DATA_DIR")
    try:
        is_new = not dest.exists()
        for directory in (dest, data, settings.path("LOGDIR")):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _mark(dest, is_new=is_new)
        if not _is_inside(data, dest):
            _mark(data, is_new=False)
    except OSError as error:
        raise SettingsError(f"DEST={dest} cannot be used: {error}") from error


def check(settings: Settings) -> None:
    """Raise SettingsError if DEST or DATA_DIR must not be used.

    DEST must not belong to another user or contain other files under doitstack's names, no plugin
    repository may have one of these names, and DATA_DIR must not contain other files.
    """
    dest, data = settings.path("DEST"), settings.path("DATA_DIR")
    for plugin in settings.local.plugins:
        if plugin.name in (*_WORK, *_FILES):
            raise SettingsError(
                f"enable_plugin {plugin.name}: doitstack uses {dest / plugin.name}; "
                f"choose another name"
            )
    try:
        if not (dest / OWNERSHIP_FILE).exists():
            _refuse_another_user(dest)
            _refuse_strangers(dest)
        if not _is_inside(data, dest):
            _refuse_data(data)
    except OSError as error:
        raise SettingsError(f"DEST={dest} cannot be used: {error}") from error


def _mark(directory: Path, *, is_new: bool) -> None:
    if not (directory / OWNERSHIP_FILE).exists():
        write_private(directory / OWNERSHIP_FILE, f"{'made' if is_new else 'found'} by doitstack\n")


def _refuse_another_user(dest: Path) -> None:
    """Raise SettingsError if another user owns DEST: he could create links under our names."""
    if os.geteuid() and dest.exists() and dest.stat().st_uid != os.geteuid():
        raise SettingsError(
            f"DEST={dest} belongs to another user; set DEST to a directory of your own"
        )


def _refuse_data(data: Path) -> None:
    """Raise SettingsError for a DATA_DIR in which plugins would remove files of others."""
    if data.is_dir() and any(data.iterdir()) and not (data / OWNERSHIP_FILE).exists():
        raise SettingsError(
            f"DATA_DIR={data} is not empty and not doitstack's; "
            f"set DATA_DIR to a directory of its own"
        )


def _refuse_strangers(dest: Path) -> None:
    strangers = [name for name in (*_WORK, *_FILES) if os.path.lexists(dest / name)]
    if strangers:
        raise SettingsError(
            f"DEST={dest} is not doitstack's and already has: {', '.join(strangers)}; "
            f"set DEST to a directory of its own, or move these away"
        )


@contextmanager
def held(dest: Path) -> Iterator[None]:
    """Keep other runs out of `dest` until the end of the block. Raises BusyError at once.

    This is a POSIX lock, unlike that of `private_files.locked`: forked futures do not inherit it,
    and others can find out who holds it. The kernel releases it when its holder dies.
    """
    descriptor = os.open(dest / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            raise BusyError(
                f"another run uses {dest} (pid {holder}); wait for it, or stop it with Ctrl-C"
            ) from error
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
        descriptor = os.open(dest / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
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
    if not (dest / OWNERSHIP_FILE).exists():
        raise SettingsError(
            f"DEST={dest} is not doitstack's (it has no {OWNERSHIP_FILE}); nothing has been removed"
        )
    names = [dest / name for name in (*_WORK, *_FILES)]
    moved = [settings.path("DATA_DIR"), settings.path("LOGDIR")]
    names += [path for path in moved if _is_inside(path, dest)]
    return [path for path in dict.fromkeys(names) if os.path.lexists(path)]


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
    is_made_by_us = (dest / OWNERSHIP_FILE).read_text(encoding="utf-8").startswith("made")
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
    real = path.parent.resolve() / path.name
    return ".." not in path.parts and dest.resolve() in real.parents


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
