"""A cache that is used if it can be."""

from pathlib import Path

from doitstack_plugins.shared.optional_cache import OptionalCache
from tests.unit.recorded_actions import RecordedActions, make_stack


def make(top_dir: Path) -> OptionalCache:
    return OptionalCache(make_stack(top_dir, DOITSTACK_CACHE_DIR=str(top_dir / "cache")), "tides")


def test_what_is_kept_is_found_by_another_stack(tmp_path: Path) -> None:
    cache = make(tmp_path)
    assert not cache.has("a")
    assert cache.load("a") is None
    cache.keep("a", b"long work", max_bytes=1 << 20)
    other = make(tmp_path)
    assert other.has("a")
    assert other.load("a") == b"long work"


def test_cache_is_pruned(tmp_path: Path) -> None:
    cache = make(tmp_path)
    for key in ("a", "b"):
        cache.keep(key, b"x" * 100, max_bytes=150)
    assert [key for key in ("a", "b") if cache.has(key)] == ["b"]


def test_nothing_is_kept_under_an_unknown_key(tmp_path: Path) -> None:
    cache = make(tmp_path)
    cache.keep("", b"long work", max_bytes=1 << 20)
    assert not cache.has("")
    assert cache.load("") is None
    assert not (tmp_path / "cache").exists()


def test_cache_that_cannot_be_used_is_a_line_and_no_failure(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    stack = make_stack(tmp_path, DOITSTACK_CACHE_DIR=str(tmp_path / "cache"))
    cache, recorded = OptionalCache(stack, "tides"), RecordedActions(lambda program: None)
    with stack.acting(recorded):
        cache.keep("a", b"long work", max_bytes=1 << 20)
        assert not cache.has("a")
        assert cache.load("a") is None
    line = f"the cache {tmp_path}/cache/tides is not used: Not a directory"
    assert recorded.said == [line] * 3
