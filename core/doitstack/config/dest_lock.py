"""The lock of DEST: which run uses it."""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from doitstack.errors import BusyError
from doitstack.private_files import open_regular

LOCK = ".lock"

_FLOCK = "hhqqi0q"
"""The C structure `flock`: kind, whence, start, length, pid."""


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
