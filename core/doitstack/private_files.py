"""Files that only their owner can read, written atomically; lock files; the end of a log."""

import errno
import fcntl
import glob
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

MOST = 1 << 16
"""Bytes at the end of a log in which its last lines are looked for."""


_NEW = ".new"
"""How the name of a file or directory ends that is being made; see `unfinished_copies`."""

_DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_regular(path: Path | str, flags: int = os.O_RDONLY, **where: int) -> int:
    """Open a regular file (0600 if it is created); return its descriptor.

    Raises OSError, at once, for a FIFO or a directory in its place, and for a device unless it is
    written, as /dev/null may be. `where` is `dir_fd`.
    """
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, 0o600, **where)
    kind = os.fstat(descriptor).st_mode
    is_written = flags & os.O_ACCMODE != os.O_RDONLY
    if not stat.S_ISREG(kind) and not (is_written and stat.S_ISCHR(kind)):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    return descriptor


def read_regular(path: Path | str, **where: int) -> bytes:
    """Return the content of a regular file. Raises OSError as `open_regular` does."""
    with open(open_regular(path, **where), "rb", buffering=0) as file:
        return file.read()


def private_directory(path: Path) -> Path:
    """Create the directory `path` (0700), with its parents, if it does not exist; return it."""
    for missing in [path, *path.parents][::-1]:
        with suppress(FileExistsError):
            missing.mkdir(mode=0o700)
    return path


def write_private(path: Path, text: str) -> bool:
    """Write `text` to `path` (0600) atomically; return whether that changed anything.

    A reader sees either the old content or the new one, whatever happens in between. Once this has
    returned, it is the new one, even after a crash of the machine.
    """
    if has_text(path, text) and path.stat().st_mode & 0o077 == 0:
        return False
    private_directory(path.parent)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_NEW, dir=path.parent)
    new = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    sync(path.parent)
    return True


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """Make the directory `path` (0700): it has what the block makes from its first moment.

    Raises OSError, perhaps at the end of the block, if `path` exists and is not an empty directory.
    """
    new = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=_NEW, dir=path.parent))
    try:
        yield new
        new.rename(path)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def remove_tree(path: Path) -> None:
    """Remove a directory. Raises OSError, with the whole name of what cannot be removed."""

    def refuse(_: object, place: str, found: Any) -> None:
        error = found[1] if isinstance(found, tuple) else found
        raise OSError(error.errno, error.strerror, place) from error

    if sys.version_info >= (3, 12):
        shutil.rmtree(path, onexc=refuse)
    else:
        shutil.rmtree(path, onerror=refuse)


def sync(path: Path) -> None:
    """Let a file's content, or the names in a directory, outlive a crash of the machine."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Not every file system can do it, nor every kind of file.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)


def sync_file_system(path: Path) -> None:
    """Let all that has been written to the file system of `path` outlive a crash of the machine."""
    import ctypes  # noqa: PLC0415 - not for every `doit list`

    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(path))
    finally:
        os.close(descriptor)


def unfinished_copies(path: Path) -> list[Path]:
    """Return the copies of `path` whose makers were killed before they were in place."""
    return sorted(path.parent.glob(f".{glob.escape(path.name)}.*{_NEW}"))


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Wait for a lock and hold it; it is released if its holder dies.

    Yields its descriptor: a process that gets it holds the lock, too, until it closes it. `path` is
    a directory, which takes no space, or a lock file (0600).
    """
    flags = os.O_DIRECTORY if path.is_dir() else os.O_RDWR | os.O_CREAT
    handle = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


@contextmanager
def temporary_directory(purpose: str) -> Iterator[Path]:
    """Make a private directory that exists in the block.

    What a process that was killed has left, the next call for the same purpose removes: only the
    directory of a living process is locked.
    """
    _remove_left(purpose)
    path, handle = _locked_directory(purpose)
    try:
        yield path
    finally:
        shutil.rmtree(path)
        os.close(handle)


def _locked_directory(purpose: str) -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=_prefix(purpose)))
        with suppress(FileNotFoundError):  # another process has removed it before it was locked
            handle = os.open(path, _DIRECTORY)
            fcntl.flock(handle, fcntl.LOCK_EX)
            if os.fstat(handle).st_nlink:
                return path, handle
            os.close(handle)


def _remove_left(purpose: str) -> None:
    for path in Path(tempfile.gettempdir()).glob(f"{_prefix(purpose)}*"):
        with suppress(OSError):  # it is locked, another user's, or gone
            handle = os.open(path, _DIRECTORY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(handle).st_uid == os.geteuid():
                    shutil.rmtree(path)
            finally:
                os.close(handle)


def _prefix(purpose: str) -> str:
    return f"doitstack-{purpose}-"


def has_text(path: Path, text: str) -> bool:
    """Return whether `path` is a file with exactly this content."""
    try:
        return read_regular(path) == text.encode()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        if error.errno == errno.EINVAL:
            return False
        raise


def tail(path: Path, *, lines: int = 20) -> str:
    """Return the last lines of a log, without reading the rest of it; empty if there is none."""
    return "\n".join(last_lines(path)[-lines:])


def last_lines(path: Path, start: int = 0, end: int | None = None) -> list[str]:
    """Return the last lines between two bytes of a log (`end` None: its end).

    There are none if it cannot be read: what they explain is said all the same. At most MOST bytes
    are read. A line that is cut is left out: half a secret is not recognised.
    """
    try:
        with open(open_regular(path), "rb") as file:
            end = file.seek(0, os.SEEK_END) if end is None else end
            first = max(start, end - MOST)
            file.seek(first)
            text = file.read(max(0, end - first)).decode(errors="replace")
    except OSError:
        return []
    lines = text.removesuffix("\n").split("\n")
    return lines if first == start else lines[1:]
