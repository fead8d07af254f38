"""A step in the background, with the interface of `concurrent.futures.Future`.

Only the registry and its parts start it, collect it and change its state.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol

from doitstack.config.masking import Masked
from doitstack.errors import DoitstackError, describe_error


class Registry(Protocol):
    """What a future needs of its registry."""

    def record_ends(self) -> None:
        """Record, without waiting, which futures have ended."""

    def cancel(self, future: "Future") -> bool:
        """Cancel a future that has not started yet; return False if it has."""

    def settle(self, future: "Future", timeout: float | None) -> None:
        """Wait up to `timeout` s for `future` and collect it. Raises TimeoutError."""

    def report_callback_error(self, future: "Future", error: Exception) -> None:
        """Show what a callback of `future` has raised."""


class FutureState(Enum):
    """The state of a future. It changes only in the order of this list."""

    DECLARED = "declared"
    """It has a name; the scheduler has not decided yet whether it must wait."""
    QUEUED = "queued"
    """It waits for a slot or a lock. A future of bash already has a process, at its start gate."""
    STARTING = "starting"
    """The scheduler lets it run; it has no process yet."""
    RUNNING = "running"
    ENDED = "ended"
    CANCELLED = "cancelled"
    """It was cancelled before it started."""
    COLLECTED = "collected"

    # As for `TaskState`.
    __hash__ = object.__hash__


ENDED_STATES = frozenset({FutureState.ENDED, FutureState.CANCELLED, FutureState.COLLECTED})


def ended_line(code: int) -> str:
    """Return the message about a future that has ended with `code`."""
    return f"FAILED with rc {code}" if code else "finished successfully"


def in_one_line(error: BaseException) -> str:
    """Return an exception as one line; one that is not a DoitstackError with its type."""
    text = str(error).strip() if isinstance(error, DoitstackError) else describe_error(error)
    return text.partition("\n")[0]


class RemoteTraceback(Exception):  # noqa: N818 - the name in concurrent.futures
    """The traceback of the process in which a future's action raised."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class Future:
    """A step in the background, with the interface of `concurrent.futures.Future`.

    Attributes:
        task: its name for the scheduler.
        is_planned: whether a step of the plan starts it; if not, a running step has.
        lock: of the futures with the same lock, one runs at a time.
        rank: of the futures that wait, the one with the greatest rank (s) starts first.
        timeout: how long it may run (s); 0 for no limit.
        has_timed_out: whether it was stopped because it ran longer than `timeout`.
        pid: its process; 0 before it has one, and if it runs in the bash session itself.
        declare_time: when it was declared (s since the epoch).
        start_time, end_time: when it ran, as its job file says (s since the epoch); 0 if unknown.
        end_seen: when the registry recorded its end (s since the epoch).
        cpu: CPU time (s) of its process and of that process's children.
        rc: its exit code, once it has ended.
        awaited_since: when the main line began to wait for it (s since the epoch).
        log_place: where its output is in the main log, from byte to byte, once it is collected.
        masked: how much of its own log is masked, once it has ended.
        place: `FILE:LINE: ` of its step, for the message of a failure that names no line itself.
        in_place: whether it runs in the main line's place, in a serial run.
        takes_slot: whether it needs a slot; not if its work is done on another host.
    """

    def __init__(self, registry: Registry, name: str, command: str, task: str = "") -> None:
        self._registry = registry
        self.name = name
        self.command = command
        self.task = task
        self.is_planned = bool(task)
        self.lock = ""
        self.rank = 0.0
        self.timeout = 0.0
        self.has_timed_out = False
        self.state = FutureState.DECLARED
        self.place = ""
        self.in_place = False
        self.takes_slot = True
        self.pid = 0
        self.declare_time = 0.0
        self.start_time = 0.0
        self.end_time = 0.0
        self.end_seen = 0.0
        self.cpu = 0.0
        self.rc: int | None = None
        self.awaited_since: float | None = None
        self.log_place: tuple[int, int] | None = None
        self.masked: Masked | None = None
        self.value: Any = None
        self.error: BaseException | None = None
        self._callbacks: list[Callable[[Future], object]] = []

    def __repr__(self) -> str:
        return f"<Future {self.name} {self.state.value}>"

    # -- the interface of concurrent.futures.Future ----------------------------------------------

    def done(self) -> bool:
        """Return whether it has ended, with or without success."""
        self._registry.record_ends()
        return self.has_ended

    def running(self) -> bool:
        """Return whether it runs now."""
        self._registry.record_ends()
        return self.state is FutureState.RUNNING

    def cancelled(self) -> bool:
        """Return whether it was cancelled before it started."""
        return self.state is FutureState.CANCELLED

    def cancel(self) -> bool:
        """Cancel it if it has not started yet; return whether it is cancelled."""
        return self.cancelled() or self._registry.cancel(self)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait up to `timeout` s, collect it, and return what its action raised, or None.

        Raises TimeoutError, or CancelledError for a future that was cancelled.
        """
        self._registry.settle(self, timeout)
        if self.cancelled():
            from concurrent.futures import CancelledError  # noqa: PLC0415 - imports logging

            raise CancelledError
        return self.error

    def result(self, timeout: float | None = None) -> Any:
        """Wait up to `timeout` s, collect it, and return what its action returned.

        Raises what the action raised, FutureError for an end without a report, TimeoutError.
        """
        error = self.exception(timeout)
        if error is not None:
            raise error
        return self.value

    def add_done_callback(self, function: Callable[["Future"], object]) -> None:
        """Call `function` with this future once it has ended; at once if it has.

        An exception that it raises is only shown. It cannot wait for another future.
        """

        def call(future: Future) -> None:
            try:
                function(future)
            except Exception as error:
                self._registry.report_callback_error(self, error)

        self.when_ended(call)

    # -- for the run -----------------------------------------------------------------------------

    @property
    def has_ended(self) -> bool:
        """Whether its end has been recorded."""
        return self.state in ENDED_STATES

    def when_ended(self, function: Callable[["Future"], object]) -> None:
        """Call `function` with this future once it has ended; at once if it has."""
        if self.has_ended:
            function(self)
        else:
            self._callbacks.append(function)

    def call_back(self) -> None:
        """Call the functions that wait for the end. For the registry only."""
        callbacks, self._callbacks = self._callbacks, []
        for function in callbacks:
            function(self)

    def failure(self) -> str:
        """Return in one line why it failed."""
        if self.cancelled():
            return f"future {self.name} was cancelled"
        assert self.error
        line = in_one_line(self.error)
        prefix = f"future {self.name}: "
        return line if line.startswith(prefix) else prefix + line

    @property
    def code(self) -> int:
        """Its exit code, or 1 if it has none."""
        return 1 if self.rc is None else self.rc

    @property
    def runs_elsewhere(self) -> bool:
        """Whether it stands for a future of another host, which has its process and its log."""
        return "@" in self.name and not self.pid

    @property
    def waited(self) -> float:
        """How long the main line has waited for its end (s)."""
        return max(0.0, self.end_seen - (self.awaited_since or self.end_seen))

    @property
    def seconds(self) -> float:
        """How long it ran (s)."""
        return max(0.0, self.end_time - self.start_time)

    def line(self, message: str) -> str:
        """Return a line about this future as DevStack prints it."""
        who = "self" if self.in_place else self.pid
        return f"[Async {self.name}:{who}]: {message}\n"
