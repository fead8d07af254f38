"""One place where the main process waits: for processes to end, and for words of the shell."""

import os
import selectors
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from doitstack.processes.tree import open_pidfd

TICK = 0.2
"""Seconds between two looks at what the console should show while we wait."""


class Loop:
    """Waits on file descriptors and calls back; single-threaded, and may be entered again."""

    def __init__(self, on_tick: Callable[[], None]) -> None:
        self._selector = selectors.DefaultSelector()
        self._on_tick = on_tick
        self._shields = 0
        self._pending: BaseException | None = None

    def watch(self, descriptor: int, callback: Callable[[], None]) -> None:
        """Call `callback` whenever `descriptor` is readable."""
        self._selector.register(descriptor, selectors.EVENT_READ, callback)

    def forget(self, descriptor: int) -> None:
        """Stop watching `descriptor`, if it is watched still."""
        with suppress(KeyError):
            self._selector.unregister(descriptor)

    def when_ended(self, pid: int, callback: Callable[[], None]) -> None:
        """Call `callback` once the process `pid` has ended, at once if it has."""
        handle = open_pidfd(pid)
        if handle is None:
            callback()
            return

        def ended() -> None:
            self.forget(handle)
            os.close(handle)
            callback()

        self.watch(handle, ended)

    def interrupt(self, error: BaseException) -> None:
        """Raise `error` here, or as soon as nobody is in the middle of something."""
        if self._shields == 0:
            raise error
        self._pending = error

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Keep an interruption out until the end of the block."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
        self._raise_pending()

    def _raise_pending(self) -> None:
        if self._pending and self._shields == 0:
            error, self._pending = self._pending, None
            raise error

    def turn(self, timeout: float) -> None:
        """Call back for all that is ready, waiting for the first of it up to `timeout` seconds."""
        ready = self._select(timeout)
        with self.shielded():
            for key, _ in ready:
                # A callback may have ended the watch, or given the number to another.
                if self._selector.get_map().get(key.fd) is key:
                    key.data()
        self._on_tick()

    def _select(self, timeout: float) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait; also inside a callback that waits itself, this is a good place to interrupt."""
        shields, self._shields = self._shields, 0
        try:
            self._raise_pending()
            return self._selector.select(timeout)
        finally:
            self._shields = shields

    def run_until(self, is_done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Turn until `is_done()`; return False if `timeout` seconds went by without it."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not is_done():
            left = TICK if deadline is None else min(TICK, deadline - time.monotonic())
            if left < 0:
                return False
            self.turn(left)
        return True

    def close(self) -> None:
        """Release the selector's own descriptor."""
        self._selector.close()
