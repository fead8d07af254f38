"""One place where the main process waits: for processes to end, and for words of the shell."""

import selectors
import time
from collections.abc import Callable

TICK = 0.2
"""Seconds between two looks at what the console should show while we wait."""


class Loop:
    """Waits on file descriptors and calls back; single-threaded, and may be entered again."""

    def __init__(self, on_tick: Callable[[], None]) -> None:
        self._selector = selectors.DefaultSelector()
        self._on_tick = on_tick

    def watch(self, descriptor: int, callback: Callable[[], None]) -> None:
        """Call `callback` whenever `descriptor` is readable."""
        self._selector.register(descriptor, selectors.EVENT_READ, callback)

    def forget(self, descriptor: int) -> None:
        """Stop watching `descriptor`."""
        self._selector.unregister(descriptor)

    def turn(self, timeout: float) -> None:
        """Call back for all that is ready, waiting for the first of it up to `timeout` seconds."""
        for key, _ in self._selector.select(timeout):
            # A callback may have ended the watch, or given the number to another.
            if self._selector.get_map().get(key.fd) is key:
                key.data()
        self._on_tick()

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
