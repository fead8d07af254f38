"""A directory of files that outlive stacks, shared by all stacks of one user.

Independent of services and settings. What is in it is run or believed: the directory must be its
user's own, and closed to all others.
"""

import errno
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from doitstack.records import Record

MAX_AGE = 60 * 24 * 3600
"""Seconds after which a file is removed that has not been used since."""

MAX_BYTES = 1 << 30
"""The size to which a cache is pruned; the least recently used files are removed first."""


class PrivateCache(Record):
    """A directory of files; need not exist yet.

    All methods raise OSError: no space, not writable, or PermissionError if it is not private.
    Several processes may use it at the same time.
    """

    directory: Path

    def prune(self, *, max_age: float = MAX_AGE, max_bytes: int = MAX_BYTES) -> None:
        """Remove what was not used for `max_age` s, then the oldest above `max_bytes`."""
        with suppress(FileNotFoundError), self.opened() as root:
            remaining = max_bytes
            for used, size, path in sorted(_uses(root), reverse=True):
                remaining -= size
                if remaining < 0 or used < time.time() - max_age:
                    path.unlink(missing_ok=True)

    def size(self) -> tuple[int, int]:
        """Return the number of files, and their bytes."""
        with suppress(FileNotFoundError), self.opened() as root:
            sizes = [size for _, size, _ in _uses(root)]
            return len(sizes), sum(sizes)
        return 0, 0

    def clear(self) -> None:
        """Remove the directory. What has been made from it stays."""
        with suppress(FileNotFoundError), self.opened():
            shutil.rmtree(self.directory)

    @contextmanager
    def opened(self) -> Iterator[Path]:
        """Yield a path of the directory that leads to it even if it is renamed meanwhile."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.directory, flags)
        try:
            status = os.fstat(descriptor)
            if status.st_uid != os.geteuid() or status.st_mode & 0o077:
                reason = "it is not a directory of your own that is closed to others (mode 0700)"
                raise PermissionError(errno.EPERM, reason, str(self.directory))
            yield Path(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)


def _uses(root: Path) -> Iterator[tuple[float, int, Path]]:
    """Yield each file: when it was last used, size, path.

    The time is the ctime, which the kernel changes with the number of a file's links and its times.
    """
    for place, _, names in os.walk(root):
        for name in names:
            with suppress(FileNotFoundError):
                path = Path(place, name)
                status = path.lstat()
                yield status.st_ctime, status.st_size, path
