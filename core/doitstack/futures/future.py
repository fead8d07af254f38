"""A step in the background as its user holds it: the interface of `concurrent.futures.Future`.

What starts and collects it is the registry's business.
"""

from collections.abc import Callable
from concurrent.futures import CancelledError
from enum import Enum
from typing import Any, Protocol

from doitstack.errors import DoitstackError, said


class Registry(Protocol):
    """Whoever keeps the futures of a run."""

    def look(self) -> None:
        """See, without waiting, what has ended."""

    def cancel(self, future: "Future") -> bool:
        """Take a queued future back; return False if it has started."""

    def settle(self, future: "Future", timeout: float | None) -> None:
        """Wait up to `timeout` s for `future` and collect it; raises TimeoutError."""


def spoken(error: BaseException) -> str:
    """Return in one line what an exception says; one that is not ours with its type."""
    words = str(error).strip() if isinstance(error, DoitstackError) else said(error)
    return words.partition("\n")[0]


class State(Enum):
    """Where a future is in its life; it only moves down this list."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"
    COLLECTED = "collected"


class RemoteTraceback(Exception):  # noqa: N818 - the word of concurrent.futures
    """The traceback of the process in which a future's action raised."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class Future:
    """A step in the background, with the interface of `concurrent.futures.Future`.

    Times are in ms since the epoch; `cpu` is in s and covers the future's own children. Futures
    with the same `lock` never run at once; among those that wait, the one with the longest
    `remaining` path (s) is next. `has_turn` tells that nothing keeps it from running any more.
    """

    def __init__(
        self, futures: Registry, name: str, command: str, lock: str = "", remaining: float = 0.0
    ) -> None:
        self._futures = futures
        self.name = name
        self.command = command
        self.lock = lock
        self.remaining = remaining
        self.has_turn = False
        self.state = State.QUEUED
        self.is_cancelled = False
        self.in_place = False
        self.pid = 0
        self.start_time = 0
        self.end_time = 0
        self.cpu = 0.0
        self.rc: int | None = None
        self.awaited_since: float | None = None
        self.ended_at: float | None = None
        self._value: Any = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[Future], object]] = []

    def __repr__(self) -> str:
        return f"<Future {self.name} {self.state.value}>"

    def done(self) -> bool:
        """Return whether it has ended, well or not."""
        self._futures.look()
        return self.has_ended

    def running(self) -> bool:
        """Return whether it runs now."""
        self._futures.look()
        return self.state is State.RUNNING

    @property
    def has_ended(self) -> bool:
        """Whether its end has been seen."""
        return self.state in (State.ENDED, State.COLLECTED)

    def cancelled(self) -> bool:
        """Return whether it was taken back before it started."""
        return self.is_cancelled

    def cancel(self) -> bool:
        """Take it back if it has not started yet; return whether that was possible."""
        return self.is_cancelled or self._futures.cancel(self)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait up to `timeout` s, collect it, and return what its action raised, or None.

        Raises TimeoutError, or CancelledError for a future that was cancelled.
        """
        self._futures.settle(self, timeout)
        if self.is_cancelled:
            raise CancelledError
        return self._error

    def result(self, timeout: float | None = None) -> Any:
        """Wait up to `timeout` s, collect it, and return what its action returned.

        Raises what the action raised, FutureError for an end without a word, TimeoutError.
        """
        error = self.exception(timeout)
        if error is not None:
            raise error
        return self._value

    def add_done_callback(self, function: Callable[["Future"], object]) -> None:
        """Call `function` with this future once it has ended; at once if it has."""
        if self.has_ended:
            function(self)
        else:
            self._callbacks.append(function)

    def end(self, rc: int, value: Any, error: BaseException | None) -> None:
        """Record the end and tell those who asked. For the registry only."""
        self.rc, self._value, self._error = rc, value, error
        self.state = State.ENDED
        for function in self._callbacks:
            function(self)

    def failure(self) -> str:
        """Return in one line why it failed."""
        if self.is_cancelled:
            return f"future {self.name} was cancelled"
        assert self._error
        line = spoken(self._error)
        prefix = f"future {self.name}: "
        return line if line.startswith(prefix) else prefix + line

    @property
    def seconds(self) -> float:
        """How long it ran, in s."""
        return max(0, self.end_time - self.start_time) / 1000

    def say(self, message: str) -> str:
        """Return a line about this future as DevStack prints it."""
        who = "self" if self.in_place else self.pid
        return f"[Async {self.name}:{who}]: {message}\n"
