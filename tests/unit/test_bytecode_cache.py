"""Byte code that outlives environments: right, private, and no trouble if it is not there."""

import errno
import marshal
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from doitstack import bytecode_cache
from doitstack.bytecode_cache import BytecodeCache

MODULE = "package/module.py"


class Packages:
    """A site-packages directory whose files are links, as uv makes them."""

    def __init__(self, directory: Path, archive: Path) -> None:
        self.directory = directory
        shutil.copytree(archive, directory, copy_function=os.link)

    @property
    def source(self) -> Path:
        return self.directory / MODULE

    @property
    def compiled(self) -> Path:
        return Path(cache_from_source(str(self.source)))

    def run(self) -> str:
        """Import the module in a process of its own, and return what it prints."""
        done = subprocess.run(
            [sys.executable, "-S", "-c", "import package.module"],
            env={"PYTHONPATH": str(self.directory)},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """The unpacked packages in uv's cache."""
    directory = tmp_path / "archive"
    (directory / "package").mkdir(parents=True)
    (directory / "package" / "__init__.py").touch()
    write(directory / MODULE, "print('one')\n")
    return directory


def write(source: Path, text: str) -> None:
    """Write a source with a time that is not in whole seconds."""
    source.write_text(text)
    second = int(time.time()) - 10
    os.utime(source, ns=(second * 10**9 + 5, second * 10**9 + 5))


@pytest.fixture
def make(tmp_path: Path, archive: Path) -> Callable[[str], Packages]:
    """Return a function that makes an environment's packages from the archive."""
    return lambda name: Packages(tmp_path / name, archive)


@pytest.fixture
def cache(tmp_path: Path) -> BytecodeCache:
    return BytecodeCache(tmp_path / "home" / "cache" / "bytecode")


@pytest.fixture
def filled(cache: BytecodeCache, make: Callable[[str], Packages]) -> BytecodeCache:
    """A cache with the byte code of an environment that is gone."""
    first = make("first")
    assert first.run() == "one"
    assert cache.keep(first.directory) == 2
    shutil.rmtree(first.directory)
    return cache


def kept(cache: BytecodeCache) -> Path:
    """Return the cache's file for the module."""
    (path,) = cache.directory.glob("*/package/module.*.pyc")
    return path


def test_second_environment_compiles_nothing(
    filled: BytecodeCache, make: Callable[[str], Packages]
) -> None:
    second = make("second")
    assert filled.restore(second.directory) == 2
    before = {path: path.stat().st_ino for path in second.directory.rglob("*.pyc")}
    assert second.run() == "one"
    assert {path: path.stat().st_ino for path in second.directory.rglob("*.pyc")} == before
    assert second.compiled.samefile(kept(filled))


def test_what_is_shared_already_is_not_added_again(
    filled: BytecodeCache, make: Callable[[str], Packages]
) -> None:
    second = make("second")
    filled.restore(second.directory)
    assert filled.restore(second.directory) == 0
    assert filled.keep(second.directory) == 0
    assert filled.size()[0] == 2


def test_cache_is_private(filled: BytecodeCache) -> None:
    assert filled.directory.stat().st_mode & 0o777 == 0o700
    assert filled.directory.parent.stat().st_mode & 0o777 == 0o700


def test_nothing_to_keep_makes_no_directory(cache: BytecodeCache, tmp_path: Path) -> None:
    assert cache.keep(tmp_path / "nowhere") == 0
    assert cache.restore(tmp_path / "nowhere") == 0
    cache.prune()
    cache.clear()
    assert cache.size() == (0, 0)
    assert not cache.directory.exists()


def test_changed_source_of_the_same_second_and_size_gets_no_old_code(
    filled: BytecodeCache, make: Callable[[str], Packages], archive: Path
) -> None:
    old = (archive / MODULE).stat().st_mtime_ns
    (archive / MODULE).write_text("print('two')\n")
    os.utime(archive / MODULE, ns=(old + 1, old + 1))
    second = make("second")
    filled.restore(second.directory)
    assert not second.compiled.exists()
    assert second.run() == "two"


def test_code_older_than_its_source_is_not_kept(
    cache: BytecodeCache, make: Callable[[str], Packages]
) -> None:
    # Python itself takes it for valid: second and size are the same.
    first = make("first")
    first.run()
    os.utime(first.compiled, (0, 0))
    assert cache.keep(first.directory) == 1
    assert list(cache.directory.glob("*/package/module.*")) == []


def test_code_of_another_source_is_not_kept(
    cache: BytecodeCache, make: Callable[[str], Packages], archive: Path
) -> None:
    first = make("first")
    first.run()
    write(archive / MODULE, "print('another')\n")
    os.utime(first.compiled)
    assert cache.keep(first.directory) == 1
    assert list(cache.directory.glob("*/package/module.*")) == []


def test_time_of_an_archive_identifies_no_content(
    cache: BytecodeCache, make: Callable[[str], Packages], archive: Path
) -> None:
    os.utime(archive / MODULE, (1_700_000_000, 1_700_000_000))
    first = make("first")
    first.run()
    assert cache.keep(first.directory) == 1


def test_code_of_copied_sources_is_not_kept(
    cache: BytecodeCache, make: Callable[[str], Packages], archive: Path
) -> None:
    first = make("first")
    first.run()
    shutil.rmtree(archive)
    assert cache.keep(first.directory) == 0


@pytest.mark.parametrize("torn", [b"", b"half"])
def test_torn_file_is_not_used(
    filled: BytecodeCache, make: Callable[[str], Packages], torn: bytes
) -> None:
    kept(filled).write_bytes(torn)
    second = make("second")
    assert filled.restore(second.directory) == 1
    assert second.run() == "one"


def evil(source: Path, target: Path) -> None:
    """Write byte code that prints "evil", with a valid header for `source`."""
    status = source.stat()
    header = b"".join(n.to_bytes(4, "little") for n in (0, int(status.st_mtime), status.st_size))
    code = marshal.dumps(compile("print('evil')", "evil", "exec"))
    target.write_bytes(bytecode_cache.MAGIC_NUMBER + header + code)


def test_link_is_not_followed(
    filled: BytecodeCache, make: Callable[[str], Packages], tmp_path: Path
) -> None:
    second, planted = make("second"), tmp_path / "planted.pyc"
    evil(second.source, planted)
    path = kept(filled)
    path.unlink()
    key = path.name.rsplit(".", 2)[0]
    path.with_name(f"{key}.{planted.stat().st_size}.pyc").symlink_to(planted)
    assert filled.restore(second.directory) == 1
    assert second.run() == "one"


def open_to_others(cache: BytecodeCache) -> None:
    cache.directory.chmod(0o755)


def link_elsewhere(cache: BytecodeCache) -> None:
    real = cache.directory.rename(cache.directory.with_name("real"))
    cache.directory.symlink_to(real)


def give_to_another_user(cache: BytecodeCache) -> None:
    os.chown(cache.directory, 65534, 65534)


AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.mark.parametrize(
    "change",
    [open_to_others, link_elsewhere, pytest.param(give_to_another_user, marks=AS_ROOT)],
)
def test_directory_that_is_not_private_is_neither_read_nor_written(
    filled: BytecodeCache,
    make: Callable[[str], Packages],
    change: Callable[[BytecodeCache], None],
) -> None:
    second = make("second")
    second.run()
    change(filled)
    for use in (filled.restore, filled.keep, lambda _: filled.clear(), lambda _: filled.prune()):
        with pytest.raises(OSError, match=r"closed to others|Not a directory|symbolic link"):
            use(second.directory)
    assert filled.directory.exists()


def test_another_users_directory_is_refused(
    filled: BytecodeCache, make: Callable[[str], Packages], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(PermissionError, match="not a directory of your own"):
        filled.restore(make("second").directory)


def failing_link(number: int) -> Callable[..., None]:
    """Return an `os.link` for a file system that answers with the error `number`."""

    def link(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return link


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EMLINK])
def test_files_are_copied_where_they_cannot_be_linked(
    cache: BytecodeCache,
    make: Callable[[str], Packages],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    first, second = make("first"), make("second")
    first.run()
    monkeypatch.setattr(os, "link", failing_link(number))
    assert (cache.keep(first.directory), cache.keep(first.directory)) == (2, 0)
    assert (cache.restore(second.directory), cache.restore(second.directory)) == (2, 0)
    assert second.compiled.read_bytes() == first.compiled.read_bytes()
    assert second.compiled.stat().st_nlink == 1
    assert sorted(path.name[0] for path in cache.directory.rglob("*.pyc")) == ["_", "m"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_full_or_read_only_disk_is_an_error_for_the_caller(
    cache: BytecodeCache,
    make: Callable[[str], Packages],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    first = make("first")
    first.run()
    monkeypatch.setattr(os, "link", failing_link(number))
    with pytest.raises(OSError, match=os.strerror(number)):
        cache.keep(first.directory)


def test_interrupted_copy_leaves_nothing(
    cache: BytecodeCache, make: Callable[[str], Packages], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make("first")
    first.run()

    def half(_: Path, new: Path, **__: object) -> None:
        new.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", failing_link(errno.EXDEV))
    monkeypatch.setattr(shutil, "copyfile", half)
    with pytest.raises(OSError, match="No space"):
        cache.keep(first.directory)
    assert [path for path in cache.directory.rglob("*") if path.is_file()] == []


def test_pruning_removes_the_oldest(filled: BytecodeCache) -> None:
    filled.prune()
    files, size = filled.size()
    assert files == 2
    filled.prune(max_bytes=size)
    assert filled.size() == (2, size)
    os.utime(kept(filled))  # used last
    filled.prune(max_bytes=size - 1)
    assert [path.name for path in filled.directory.rglob("*.pyc")] == [kept(filled).name]
    filled.prune(max_age=-1)
    assert filled.size() == (0, 0)


def test_clear_removes_the_directory_but_no_environments_code(
    filled: BytecodeCache, make: Callable[[str], Packages]
) -> None:
    second = make("second")
    filled.restore(second.directory)
    filled.clear()
    assert not filled.directory.exists()
    assert second.compiled.exists()
