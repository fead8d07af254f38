"""Results of long work that outlive stacks; without the cache all works, too, but slower."""

from collections.abc import Callable
from typing import TypeVar

from doitstack import Stack
from doitstack.config.cache_directories import cache_directory
from doitstack.content_cache import ContentCache

_T = TypeVar("_T")


class OptionalCache:
    """The cache `name` of the user. If it cannot be used, `stack` says so, and nothing is found.

    A key names all that a result follows from. An empty one is unknown: nothing is kept under it.
    """

    def __init__(self, stack: Stack, name: str) -> None:
        self._stack = stack
        self._cache = ContentCache(cache_directory(stack.settings) / name)

    def has(self, key: str) -> bool:
        """Return whether something is kept under `key`; `load` may still refuse it."""
        return bool(key and self._used(lambda: self._cache.has(key)))

    def load(self, key: str) -> bytes | None:
        """Return what is kept under `key`; None if there is nothing, or it is damaged."""
        return self._used(lambda: self._cache.load(key)) if key else None

    def keep(self, key: str, content: bytes, *, max_bytes: int) -> None:
        """Keep `content` under `key`, then prune the cache to `max_bytes`."""

        def keep() -> None:
            self._cache.keep(key, content)
            self._cache.prune(max_bytes=max_bytes)

        if key:
            self._used(keep)

    def _used(self, use: Callable[[], _T]) -> _T | None:
        try:
            return use()
        except OSError as error:
            self._stack.say(f"the cache {self._cache.directory} is not used: {error.strerror}")
            return None
