"""The files of the agent on another host: what it is sent, and the environments made of it.

It travels with the agent, so it needs only Python's own library and is read by older versions, too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

MOST_ENVIRONMENTS = 5
"""The environments that are kept, besides those from which something runs; each has some 80 MB."""

MAX_AGE = 60 * 24 * 3600.0
"""Seconds after which an environment is removed that has not been used since."""

_UNFINISHED = 3600.0
"""Seconds after which what was to become an environment was left by a connection that is lost."""


class Upload:
    """A file of `size` bytes that is being received; it has its name once it is whole.

    Attributes:
        left: the number of bytes that are missing.
    """

    def __init__(self, path: Path, size: int) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._new = path.with_name(f"{path.name}.new")
        self._new.unlink(missing_ok=True)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        self._file: BinaryIO = os.fdopen(os.open(self._new, flags, 0o600), "wb")
        self.left = size

    def add(self, data: bytes) -> int:
        """Add the beginning of `data`; return how many bytes belong to the file."""
        part = data[: self.left]
        self._file.write(part)
        self.left -= len(part)
        if not self.left:
            self._file.close()
            self._new.rename(self._path)
        return len(part)


def replace(directory: Path, names: Iterable[str], archive: Path) -> None:
    """Replace the named files of a directory by those in an archive, which is removed."""
    for old in (directory / name for name in names):
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        elif old.is_symlink() or old.exists():
            old.unlink()
    shutil.unpack_archive(archive, directory)
    archive.unlink()


def use_environment(path: Path) -> bool:
    """Return whether there is an environment; if so, it counts as used now."""
    with suppress(FileNotFoundError):
        os.utime(path)
        return True
    return False


def make_environment(path: Path, archive: Path) -> None:
    """Make an environment of an archive, which is removed. It appears once it is whole.

    Those that nobody uses any more are removed. Raises OSError.
    """
    # Hosts may share a home directory, so a PID is no name of one's own.
    new = Path(tempfile.mkdtemp(prefix=f"{path.name}.", dir=path.parent))
    make = [sys.executable, "-I", "-m", "venv", "--without-pip", str(new)]
    try:
        subprocess.run(make, stdin=subprocess.DEVNULL, stdout=2, check=True)
        shutil.unpack_archive(archive, new)
        os.utime(new)  # the archive has a time of the directory, too
        if not path.exists():  # another connection may have made it meanwhile
            new.rename(path)
    except subprocess.CalledProcessError as error:
        raise OSError(f"{' '.join(make)} ended with code {error.returncode}") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
        archive.unlink()
    prune(path.parent)


def prune(environments: Path) -> None:
    """Remove the environments that were not used for long, or are not among those used last."""
    now = time.time()
    used = {path: now - path.lstat().st_mtime for path in environments.iterdir()}
    whole = sorted((path for path in used if not path.suffix), key=used.__getitem__)
    wanted = {path for path in whole[:MOST_ENVIRONMENTS] if used[path] < MAX_AGE}
    wanted.update(_with_processes(whole))
    wanted.update(path for path in used if path.suffix and used[path] < _UNFINISHED)
    for path in used.keys() - wanted:
        _remove(path)


def _with_processes(environments: Iterable[Path]) -> Iterator[Path]:
    """Yield the environments from which a program runs here: services outlive runs."""
    commands = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            commands.append(command.read_bytes())
    for path in environments:
        name = os.fsencode(f"/{path.parent.name}/{path.name}/")
        if any(name in command for command in commands):
            yield path


def _remove(path: Path) -> None:
    """Remove an environment, or what was to become one; no part of it keeps its name."""
    with suppress(OSError):  # another connection may remove it, too
        if path.is_dir() and not path.suffix:
            path = path.rename(path.with_suffix(f".{os.getpid()}"))
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
