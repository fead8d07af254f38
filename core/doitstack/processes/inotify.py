"""Wait until a file below some directories changes, by inotify(7); knows nothing of what they are.

The C library is called directly: three functions, for which no package is needed.
"""

import ctypes
import errno
import os
import select
import struct
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from doitstack.errors import StepError

_MODIFIED, _MOVED, _CREATED, _DELETED = 0x8, 0xC0, 0x100, 0x200
_ONLY_DIRECTORIES, _IS_DIRECTORY = 0x01000000, 0x40000000
_MASK = _MODIFIED | _MOVED | _CREATED | _DELETED | _ONLY_DIRECTORIES
_EVENT = struct.Struct("iIII")

_SKIPPED = frozenset({".git", ".tox", ".venv", ".stestr", "__pycache__"})
"""Directories in which programs write: git, tests and imports."""

_QUIET_SECONDS = 0.05
"""An editor, or git, writes several files; the wait is over when nothing more comes."""

_BYTES = 1 << 16


class DirectoryWatch:
    """Watches directories with all that is below them, also what is made later.

    Of the directories in `flat`, only what is directly in them.
    """

    def __init__(self, directories: Iterable[Path], flat: Iterable[Path] = ()) -> None:
        """Begin to watch. Raises StepError if the system allows no more watches."""
        self._directories = list(directories)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self._descriptor < 0:
            raise _refused()
        self._add_all()
        for directory in flat:
            self._add(str(directory))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until something changes, and for the end of the changes; False after `timeout` s."""
        if not self._is_readable(timeout):
            return False
        while self._is_readable(_QUIET_SECONDS):
            self._take_events()
        return True

    def _is_readable(self, timeout: float | None) -> bool:
        return bool(select.select([self._descriptor], [], [], timeout)[0])

    def _take_events(self) -> None:
        """Read the events; watch the directories that are new."""
        data, position = os.read(self._descriptor, _BYTES), 0
        has_new = False
        while position < len(data):
            _, mask, _, size = _EVENT.unpack_from(data, position)
            has_new |= bool(mask & _IS_DIRECTORY)
            position += _EVENT.size + size
        if has_new:
            self._add_all()

    def _add_all(self) -> None:
        for directory in self._directories:
            for place, names, _ in os.walk(directory):
                names[:] = [name for name in names if name not in _SKIPPED]
                self._add(place)

    def _add(self, directory: str) -> None:
        """Watch a directory; the system knows if it is watched already."""
        place = os.fsencode(directory)
        if self._libc.inotify_add_watch(self._descriptor, place, _MASK) < 0:
            if ctypes.get_errno() in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
                return  # it is gone again, or cannot be read
            raise _refused()


def _refused() -> StepError:
    reason = os.strerror(ctypes.get_errno())
    return StepError(
        f"cannot watch the source trees: {reason}; raise the limits fs.inotify.max_user_watches "
        "and fs.inotify.max_user_instances with sysctl"
    )
