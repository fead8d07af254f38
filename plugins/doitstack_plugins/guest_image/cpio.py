"""Archives in the format of an initial RAM file system (cpio, newc), in which root owns all."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

_END = "TRAILER!!!"
_LINK, _DIRECTORY = stat.S_IFLNK | 0o777, stat.S_IFDIR | 0o755


def archive(tree: Path) -> bytes:
    """Return the files, links and directories below `tree`; the mode of files is kept."""
    paths = sorted(tree.rglob("*"))
    entries = (_entry(number, path, tree) for number, path in enumerate(paths, start=1))
    return b"".join((*entries, b"".join(_record(0, 0, _END, b""))))


def _entry(number: int, path: Path, tree: Path) -> bytes:
    if path.is_symlink():
        mode, content = _LINK, os.fsencode(path.readlink())
    elif path.is_dir():
        mode, content = _DIRECTORY, b""
    else:
        mode, content = stat.S_IFREG | stat.S_IMODE(path.stat().st_mode), path.read_bytes()
    return b"".join(_record(number, mode, str(path.relative_to(tree)), content))


def _record(number: int, mode: int, name: str, content: bytes) -> Iterator[bytes]:
    encoded = os.fsencode(name) + b"\0"
    # Number, mode, user, group, links, time, size, two devices of two numbers, name, checksum.
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields)
    yield _padded(head + encoded)
    yield _padded(content)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
