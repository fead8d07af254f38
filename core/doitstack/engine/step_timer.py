"""Limits the time of a step of the main line."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from doitstack.errors import StepTimeoutError
from doitstack.processes.event_loop import EventLoop


class StepTimer:
    """Interrupts the current step once its time is up. `tick` must be called regularly."""

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop
        self._limit = 0.0
        self._deadline = 0.0

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """Raise StepTimeoutError in the block after `seconds` (0: never), as an interruption.

        If the block waits for a program or the bash session, its whole process tree is stopped.
        """
        self._limit, self._deadline = seconds, time.monotonic() + seconds
        try:
            yield
        finally:
            self._limit = 0.0
            self._forget_late_interruption()

    def _forget_late_interruption(self) -> None:
        late = self._loop.take_interruption()
        if late and not isinstance(late, StepTimeoutError):
            self._loop.interrupt(late)

    def tick(self) -> None:
        """Interrupt the step if its time is up. May raise StepTimeoutError."""
        if self._limit and time.monotonic() >= self._deadline and not self._loop.is_interrupted:
            seconds, self._limit = self._limit, 0.0
            self._loop.interrupt(StepTimeoutError(seconds))
