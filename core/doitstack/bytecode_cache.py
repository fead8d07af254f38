"""Byte code that outlives the environments in which it was compiled, shared by all of one user.

Independent of services and settings. The path of a pyc contains properties of its source, so a
changed source never gets old byte code:

    CPYTHON-MAGIC/PACKAGE/MODULE.MTIME.SIZE.LENGTH.pyc

MTIME (ns) and SIZE (bytes) are the source's: uv links the same file into all environments, which
keeps both. Python itself compares the time in whole seconds only. LENGTH is the pyc's own size, so
that a file which a crash cut off is not used.
"""

import errno
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import MAGIC_NUMBER
from pathlib import Path

from doitstack.private_cache import PrivateCache
from doitstack.private_files import private_directory

_INTERPRETER = f"{sys.implementation.cache_tag}-{MAGIC_NUMBER.hex()}"
_SUFFIX = f".{sys.implementation.cache_tag}.pyc"
_HEADER = 16
_BY_TIME = b"\0\0\0\0"
"""The flags of a pyc that is valid as long as its source has the same time and size."""

_NO_LINK = (errno.EXDEV, errno.EMLINK, errno.EPERM, errno.ENOTSUP)
"""The errors of file systems that cannot make a link."""


class BytecodeCache(PrivateCache):
    """A directory of byte code. See `PrivateCache` for what its methods raise.

    A file is used if an environment links it, or drops its link.
    """

    def restore(self, packages: Path) -> int:
        """Put the byte code of `packages`, a site-packages directory, next to its sources.

        Returns the number of files.
        """
        with suppress(FileNotFoundError), self.opened() as root:
            return sum(
                _restore_directory(*paths)
                for paths in _directories_in_both(root / _INTERPRETER, packages)
            )
        return 0

    def keep(self, packages: Path) -> int:
        """Add what has been compiled in `packages`; return the number of new files."""
        compiled = list(_compiled_files(packages))
        if not compiled:
            return 0
        private_directory(self.directory)
        with self.opened() as root:
            kept = root / _INTERPRETER
            return sum(
                _keep_module(path, kept / path.parents[1].relative_to(packages))
                for path in compiled
            )


def _directories_in_both(root: Path, packages: Path) -> Iterator[tuple[Path, Path, list[str]]]:
    """Yield each directory of `root` that `packages` has, too: both paths, and its file names."""
    for place, directories, names in os.walk(root):
        kept = Path(place)
        package = packages / kept.relative_to(root)
        if package.is_dir():
            yield kept, package, names
        else:
            directories.clear()


def _restore_directory(kept: Path, package: Path, names: list[str]) -> int:
    """Link those of `names` in `kept` whose sources are in `package`; return how many are new."""
    modules = {name: name.rsplit(".", 4)[0] for name in names if _fits(kept / name, package)}
    target = package / "__pycache__"
    if modules:
        target.mkdir(exist_ok=True)
    return sum(
        _link_or_copy(kept / name, target / f"{module}{_SUFFIX}")
        for name, module in modules.items()
    )


def _fits(kept: Path, package: Path) -> bool:
    """Return whether the source of `kept` is in `package`, and `kept` is complete."""
    with suppress(FileNotFoundError, ValueError):
        module, mtime, size, length, _ = kept.name.rsplit(".", 4)
        source = package.joinpath(f"{module}.py").stat()
        if (source.st_mtime_ns, source.st_size) == (int(mtime), int(size)):
            status = kept.lstat()
            return stat.S_ISREG(status.st_mode) and status.st_size == int(length)
    return False


def _compiled_files(packages: Path) -> Iterator[Path]:
    """Yield the byte code that nothing shares: the cache and other environments use links."""
    for place, directories, _ in os.walk(packages):
        if "__pycache__" in directories:
            for entry in os.scandir(Path(place, "__pycache__")):
                if entry.name.endswith(_SUFFIX) and _is_unshared_file(entry):
                    yield Path(entry.path)


def _is_unshared_file(entry: "os.DirEntry[str]") -> bool:
    with suppress(FileNotFoundError):
        return entry.is_file(follow_symlinks=False) and entry.stat().st_nlink == 1
    return False


def _keep_module(compiled: Path, kept: Path) -> bool:
    """Link `compiled` into the directory `kept`; return whether that is new."""
    module = compiled.name.removesuffix(_SUFFIX)
    with suppress(FileNotFoundError):
        source = compiled.parents[1].joinpath(f"{module}.py").stat()
        if not _identifies_content(source) or not _is_compiled_from(source, compiled):
            return False
        key = f"{source.st_mtime_ns}.{source.st_size}.{compiled.stat().st_size}"
        kept.mkdir(parents=True, exist_ok=True)
        return _link_or_copy(compiled, kept / f"{module}.{key}.pyc")
    return False


def _identifies_content(source: os.stat_result) -> bool:
    """Return whether the time of `source` is one that another file cannot have.

    A time in whole seconds was set by an archive. A file without a second link was copied: the next
    copy will have another time.
    """
    return source.st_mtime_ns % 10**9 != 0 and source.st_nlink > 1


def _is_compiled_from(source: os.stat_result, compiled: Path) -> bool:
    """Return whether the header names this source, and the pyc is younger than it."""
    with compiled.open("rb") as file:
        header, written = file.read(_HEADER), os.fstat(file.fileno()).st_mtime_ns
    times = (int(source.st_mtime), source.st_size)
    fields = b"".join((number & 0xFFFFFFFF).to_bytes(4, "little") for number in times)
    return header == MAGIC_NUMBER + _BY_TIME + fields and written > source.st_mtime_ns


def _link_or_copy(old: Path, new: Path) -> bool:
    """Make `new` a link to `old`, or a copy where that is not possible.

    Returns False if there is a `new` already, or no `old` any more.
    """
    try:
        os.link(old, new, follow_symlinks=False)
    except (FileExistsError, FileNotFoundError):
        return False
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        return _copy(old, new)
    return True


def _copy(old: Path, new: Path) -> bool:
    if new.exists():
        return False
    handle, name = tempfile.mkstemp(prefix=".", dir=new.parent)
    os.close(handle)
    incomplete = Path(name)
    try:
        shutil.copyfile(old, incomplete, follow_symlinks=False)
        incomplete.replace(new)
    except BaseException:
        incomplete.unlink()
        raise
    # A link changes the ctime of the cache's file by itself: it is the time of the last use.
    with suppress(OSError):
        os.utime(old)
    return True
