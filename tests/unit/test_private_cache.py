"""A directory that stacks of one user share: only his own, pruned, and removed as a whole."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from doitstack.private_cache import PrivateCache

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def cache(tmp_path: Path) -> PrivateCache:
    """A cache with three files of 10 bytes; `a` is used first, `c` last."""
    directory = tmp_path / "cache"
    (directory / "below").mkdir(mode=0o700, parents=True)
    directory.chmod(0o700)
    for name in ("a", "below/b", "c"):
        (directory / name).write_bytes(bytes(10))
    return PrivateCache(directory)


def names(cache: PrivateCache) -> list[str]:
    return sorted(path.name for path in cache.directory.rglob("*") if path.is_file())


def use(cache: PrivateCache, name: str) -> None:
    """Mark a file as used, later than all others: the kernel's times have steps."""
    path = cache.directory / name
    latest = max(one.stat().st_ctime_ns for one in cache.directory.rglob("*"))
    while path.stat().st_ctime_ns <= latest:
        os.utime(path)


def test_size_counts_all_files(cache: PrivateCache) -> None:
    assert cache.size() == (3, 30)


def test_cache_need_not_exist(tmp_path: Path) -> None:
    missing = PrivateCache(tmp_path / "missing")
    missing.prune()
    missing.clear()
    assert missing.size() == (0, 0)
    assert not missing.directory.exists()


def test_pruning_removes_what_was_used_least_recently(cache: PrivateCache) -> None:
    cache.prune(max_bytes=30)
    assert names(cache) == ["a", "b", "c"]
    for name in ("below/b", "c", "a"):
        use(cache, name)
    cache.prune(max_bytes=29)
    assert names(cache) == ["a", "c"]
    cache.prune(max_age=-1)
    assert names(cache) == []


def test_clear_removes_the_directory(cache: PrivateCache) -> None:
    cache.clear()
    assert not cache.directory.exists()


def open_to_others(cache: PrivateCache) -> None:
    cache.directory.chmod(0o750)


def link_elsewhere(cache: PrivateCache) -> None:
    cache.directory.symlink_to(cache.directory.rename(cache.directory.with_name("real")))


def put_a_file_there(cache: PrivateCache) -> None:
    shutil.rmtree(cache.directory)
    cache.directory.touch()


def give_to_another_user(cache: PrivateCache) -> None:
    os.chown(cache.directory, 65534, 65534)


@pytest.mark.parametrize(
    "change",
    [
        *(open_to_others, link_elsewhere, put_a_file_there),
        pytest.param(give_to_another_user, marks=AS_ROOT),
    ],
)
def test_what_is_not_ones_own_is_neither_read_nor_removed(
    cache: PrivateCache, change: Callable[[PrivateCache], None]
) -> None:
    change(cache)
    for method in (cache.size, cache.prune, cache.clear):
        with pytest.raises(OSError, match=r"closed to others|Not a directory|symbolic link"):
            method()
    assert cache.directory.exists()


def test_directory_stays_the_same_one_if_it_is_replaced(cache: PrivateCache) -> None:
    with cache.opened() as root:
        cache.directory.rename(cache.directory.with_name("moved"))
        cache.directory.mkdir()
        assert (root / "a").exists()
