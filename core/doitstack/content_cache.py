"""Results of long work that outlive the stacks that made them, each under a key.

Independent of what they are: schemas of databases, static files. The key, a text, names all that a
result follows from.
"""

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from doitstack.private_cache import PrivateCache
from doitstack.private_files import open_regular, private_directory

_DIGEST = 32
"""The bytes at the beginning of a file: the SHA-256 of key and content."""


class ContentCache(PrivateCache):
    """A directory of contents. See `PrivateCache` for what its methods raise."""

    def has(self, key: str) -> bool:
        """Return whether there is a file for `key`; `load` may still refuse it."""
        with suppress(FileNotFoundError), self.opened() as root:
            return (root / _name(key)).exists()
        return False

    def load(self, key: str) -> bytes | None:
        """Return the content of `key`; None if there is none, or its file is not as it was kept."""
        with suppress(FileNotFoundError), self.opened() as root:
            read = _read_own(root / _name(key))
            content = read[_DIGEST:]
            if read[:_DIGEST] == _digest(key, content):
                return content
        return None

    def keep(self, key: str, content: bytes) -> None:
        """Keep `content` under `key`, instead of another."""
        private_directory(self.directory)
        with self.opened() as root:
            handle, name = tempfile.mkstemp(prefix=".", dir=root)
            incomplete = Path(name)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_digest(key, content) + content)
                incomplete.replace(root / _name(key))
            except BaseException:
                incomplete.unlink(missing_ok=True)
                raise


def _read_own(path: Path) -> bytes:
    """Return the content of a file of this user, and mark it as used; b"" if it is another's."""
    with os.fdopen(open_regular(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        if os.fstat(file.fileno()).st_uid != os.geteuid():
            return b""
        with suppress(OSError):  # a file system that is read only
            os.utime(file.fileno())
        return file.read()


def _name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _digest(key: str, content: bytes) -> bytes:
    return hashlib.sha256(key.encode() + b"\0" + content).digest()
