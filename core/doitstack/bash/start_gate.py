"""A FIFO at which a future that bash has forked waits until the scheduler lets it start."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_Result = TypeVar("_Result")


class StartGate:
    """The FIFO. It is created only if the future must wait; reading one line lets it start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self.is_open = False

    def shut(self) -> str:
        """Create the FIFO; return its path, from which the future reads."""
        os.mkfifo(self._path, 0o600)
        # Open for both directions, the FIFO blocks no `open`, and a line stays until it is read.
        self._descriptor = _retried(lambda: os.open(self._path, os.O_RDWR | os.O_NONBLOCK))
        return str(self._path)

    def open(self) -> None:
        """Let the future start, even if it reads only later."""
        self.is_open = True
        if self._descriptor is not None:
            os.write(self._descriptor, b"\n")

    def remove(self) -> None:
        """Remove the FIFO, if there is one."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            _retried(lambda: self._path.unlink(missing_ok=True))


def _retried(call: Callable[[], _Result]) -> _Result:
    """Return the result of a call; repeat it if a signal interrupts it, as happens under strace."""
    while True:
        try:
            return call()
        except InterruptedError:
            continue
