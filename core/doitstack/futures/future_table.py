"""The futures of one run by name, and the changes of their states."""

from typing import Any

from doitstack.futures.future import Future, FutureState
from doitstack.futures.transitions import change
from doitstack.journal.journal_file import Journal

_OVER = (FutureState.COLLECTED, FutureState.CANCELLED)


class FutureTable:
    """One namespace for the futures that Python starts and those that the bash session starts.

    Attributes:
        running_count: how many futures run, as far as their ends have been seen.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._futures: dict[str, Future] = {}
        self.running_count = 0

    def add(self, future: Future) -> None:
        """Add a future; it replaces a collected one of the same name."""
        self._futures[future.name] = future

    def find(self, name: str) -> Future | None:
        """Return the future of that name unless it has been collected."""
        future = self._futures.get(name)
        return future if future and future.state is not FutureState.COLLECTED else None

    def set_state(self, future: Future, state: FutureState, **facts: Any) -> None:
        """Change the state of a future and the attributes in `facts`, and write the journal."""
        was = future.state
        change(self._journal, future, state, **facts)
        self.running_count += (state is FutureState.RUNNING) - (was is FutureState.RUNNING)

    def running(self) -> list[Future]:
        """Return the futures that run, as far as their ends have been seen."""
        return [one for one in self._futures.values() if one.state is FutureState.RUNNING]

    def uncollected(self) -> list[Future]:
        """Return the futures that are neither collected nor cancelled, in the order of start."""
        return [one for one in self._futures.values() if one.state not in _OVER]

    def stoppable(self) -> list[Future]:
        """Return the futures that run, and those of bash that wait at their start gate."""
        return [
            one
            for one in self._futures.values()
            if one.state is FutureState.RUNNING or (one.pid and not one.has_ended)
        ]
