"""The one place where the main process waits: for processes to end, and for messages of bash."""

import os
import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

from doitstack.errors import StepError
from doitstack.processes.tree import open_pidfd

TICK = 0.2
"""Seconds between two updates of the console while the loop waits."""


@dataclass(frozen=True, eq=False)
class _Alarm:
    """A call at a time of the monotonic clock."""

    time: float
    callback: Callable[[], None]


class EventLoop:
    """Waits on file descriptors and calls back; single-threaded. A callback cannot wait.

    `on_tick` is called after each turn, at least every 0.2 s while the loop waits.

    An interruption is raised where the loop waits and in blocks that are `interruptible`, such as
    the actions of plugins. Everywhere else it is kept until the loop waits again.
    """

    def __init__(self) -> None:
        self.on_tick: Callable[[], None] = lambda: None
        self._epoll = select.epoll()
        self._watched: dict[int, Callable[[], None]] = {}
        self._alarms: list[_Alarm] = []
        self._is_calling_back = False
        self._is_interruptible = False
        self._is_ending = False
        self._interruption: BaseException | None = None

    def watch(self, descriptor: int, callback: Callable[[], None]) -> None:
        """Call `callback` whenever `descriptor` is readable."""
        self._epoll.register(descriptor, select.EPOLLIN)
        self._watched[descriptor] = callback

    def forget(self, descriptor: int) -> None:
        """Stop watching `descriptor`, if it is watched still."""
        if self._watched.pop(descriptor, None):
            with suppress(OSError):  # it is closed already
                self._epoll.unregister(descriptor)

    def when_ended(self, pid: int, callback: Callable[[], None]) -> None:
        """Call `callback` once the process `pid` has ended, at once if it has."""
        handle = open_pidfd(pid)
        if handle is None:
            callback()
        else:
            self.watch(handle, partial(self._ended, handle, callback))

    def _ended(self, handle: int, callback: Callable[[], None]) -> None:
        self.forget(handle)
        os.close(handle)
        callback()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` after `seconds`, as soon as the loop turns; return what prevents it."""
        alarm = _Alarm(time.monotonic() + seconds, callback)
        self._alarms.append(alarm)

        def cancel() -> None:
            with suppress(ValueError):
                self._alarms.remove(alarm)

        return cancel

    def _due(self) -> list["_Alarm"]:
        now = time.monotonic()
        return [alarm for alarm in self._alarms if alarm.time <= now]

    # -- interruptions ---------------------------------------------------------------------------

    def interrupt(self, error: BaseException) -> None:
        """Raise `error` here if the code that runs is interruptible, else where the loop waits."""
        if self._is_ending:
            return
        if self._is_interruptible:
            raise error
        self._interruption = error

    def ignore_interruptions(self) -> None:
        """From now on let nothing interrupt: what is left to do ends the run."""
        self._is_ending = True
        self._interruption = None

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Allow an interruption at any point of the block."""
        was, self._is_interruptible = self._is_interruptible, True
        try:
            self._raise_interruption()
            yield
        finally:
            self._is_interruptible = was

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Raise no interruption in the block, except while the loop waits inside it."""
        was, self._is_interruptible = self._is_interruptible, False
        try:
            yield
        finally:
            self._is_interruptible = was
        if was:
            self._raise_interruption()

    @property
    def is_interrupted(self) -> bool:
        """Whether an interruption has not been raised yet."""
        return self._interruption is not None

    def take_interruption(self) -> BaseException | None:
        """Return the interruption that has not been raised, if there is one, and forget it."""
        error, self._interruption = self._interruption, None
        return error

    def _raise_interruption(self) -> None:
        if error := self.take_interruption():
            raise error

    # -- waiting ---------------------------------------------------------------------------------

    @property
    def is_calling_back(self) -> bool:
        """Whether a callback runs, which must not wait."""
        return self._is_calling_back

    def turn(self, timeout: float) -> None:
        """Call back for everything that is ready, waiting for the first up to `timeout` seconds.

        Raises StepError inside a callback.
        """
        if self._is_calling_back:
            raise StepError("a callback of a future cannot wait; wait in an action of a step")
        with self.interruptible():
            ready = [(at, self._watched.get(at)) for at, _ in self._epoll.poll(timeout)]
        self._is_calling_back = True
        try:
            with self.shielded():
                for descriptor, callback in ready:
                    # A callback may have ended the watch, or the number may now be another file's.
                    if callback and self._watched.get(descriptor) is callback:
                        callback()
                for alarm in self._due():
                    self._alarms.remove(alarm)
                    alarm.callback()
        finally:
            self._is_calling_back = False
        self.on_tick()

    def run_until(self, is_done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Turn until `is_done()`; return False if `timeout` seconds went by without it.

        Raises StepError inside a callback, unless it is done already.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not is_done():
            left = TICK if deadline is None else min(TICK, deadline - time.monotonic())
            if left < 0:
                return False
            self.turn(left)
        return True

    def close(self) -> None:
        """Close the descriptor by which it waits."""
        self._epoll.close()
