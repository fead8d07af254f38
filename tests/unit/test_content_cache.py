"""Contents that outlive stacks: as they were kept, or not at all."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from doitstack.content_cache import ContentCache

CONTENT = b"CREATE TABLE;\0\xff" * 100
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def cache(tmp_path: Path) -> ContentCache:
    made = ContentCache(tmp_path / "home" / "contents")
    made.keep("key", CONTENT)
    return made


def kept(cache: ContentCache) -> Path:
    (path,) = cache.directory.iterdir()
    return path


def test_content_is_loaded_by_its_key(cache: ContentCache) -> None:
    assert (cache.load("key"), cache.has("key")) == (CONTENT, True)
    assert (cache.load("other"), cache.has("other")) == (None, False)


def test_content_is_replaced(cache: ContentCache) -> None:
    cache.keep("key", b"new")
    assert cache.load("key") == b"new"
    assert cache.size()[0] == 1


def test_cache_is_private(cache: ContentCache) -> None:
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (cache.directory, kept(cache))]
    assert modes == [0o700, 0o600]


def test_nothing_is_made_to_look_for_a_content(tmp_path: Path) -> None:
    cache = ContentCache(tmp_path / "missing")
    assert (cache.load("key"), cache.has("key")) == (None, False)
    assert not cache.directory.exists()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def give_away(path: Path) -> None:
    os.chown(path, 65534, 65534)


@pytest.mark.parametrize("damage", [cut, empty, flip_a_bit, pytest.param(give_away, marks=AS_ROOT)])
def test_damaged_content_is_not_believed_and_replaced(
    cache: ContentCache, damage: Callable[[Path], None]
) -> None:
    damage(kept(cache))
    assert cache.load("key") is None
    cache.keep("key", CONTENT)
    assert cache.load("key") == CONTENT


def test_content_of_another_key_is_not_believed(cache: ContentCache, tmp_path: Path) -> None:
    other = ContentCache(tmp_path / "other")
    other.keep("other key", b"other")
    kept(cache).write_bytes(kept(other).read_bytes())
    assert cache.load("key") is None


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_an_error_at_once(
    cache: ContentCache, make: Callable[[Path], None]
) -> None:
    path = kept(cache)
    path.unlink()
    make(path)
    with pytest.raises(OSError, match="Not a regular file"):
        cache.load("key")


def test_link_is_not_followed(cache: ContentCache) -> None:
    path = kept(cache)
    path.symlink_to(path.rename(cache.directory.with_name("elsewhere")))
    with pytest.raises(OSError, match="symbolic link"):
        cache.load("key")


def test_directory_that_is_not_private_is_not_used(cache: ContentCache) -> None:
    cache.directory.chmod(0o755)
    for use in (cache.load, cache.has, lambda key: cache.keep(key, b"")):
        with pytest.raises(PermissionError, match="closed to others"):
            use("key")


def test_interrupted_writing_leaves_the_old_content_and_nothing_else(
    cache: ContentCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        cache.keep("key", b"new")
    assert cache.size()[0] == 1
    assert cache.load("key") == CONTENT


def test_loaded_content_is_pruned_last(cache: ContentCache) -> None:
    first = kept(cache)
    cache.keep("second", CONTENT)
    latest = max(path.stat().st_ctime_ns for path in cache.directory.iterdir())
    while first.stat().st_ctime_ns <= latest:
        assert cache.load("key") == CONTENT
    cache.prune(max_bytes=cache.size()[1] - 1)
    assert (cache.load("key"), cache.load("second")) == (CONTENT, None)
