"""The futures of one run by name, and the changes of their states."""

from collections.abc import Iterator
from typing import Any

from doitstack.futures.future import Future, FutureState
from doitstack.futures.transitions import change
from doitstack.journal.journal_file import Journal


class FutureTable:
    """The futures that are not collected, those of Python and of the bash session, by their names.

    Attributes:
        running_count: how many futures run, as far as their ends have been seen.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._futures: dict[str, Future] = {}
        self.running_count = 0

    def add(self, future: Future) -> None:
        """Add a future whose name is free."""
        self._futures[future.name] = future

    def find(self, name: str) -> Future | None:
        """Return the future of that name unless it has been collected."""
        return self._futures.get(name)

    def set_state(self, future: Future, state: FutureState, **facts: Any) -> None:
        """Change the state of a future and the attributes in `facts`, and write the journal."""
        was = future.state
        change(self._journal, future, state, **facts)
        self.running_count += (state is FutureState.RUNNING) - (was is FutureState.RUNNING)
        if state is FutureState.COLLECTED:
            del self._futures[future.name]

    def running(self) -> list[Future]:
        """Return the futures that run, as far as their ends have been seen."""
        return [one for one in self._futures.values() if one.state is FutureState.RUNNING]

    def first(self) -> Future | None:
        """Return the first future, in the order of start, that is not cancelled."""
        return next(self._not_cancelled(), None)

    def uncollected(self) -> list[Future]:
        """Return the futures that are not cancelled, in the order of start."""
        return list(self._not_cancelled())

    def _not_cancelled(self) -> Iterator[Future]:
        return (one for one in self._futures.values() if one.state is not FutureState.CANCELLED)

    def stoppable(self) -> list[Future]:
        """Return the futures that run, and those of bash that wait at their start gate."""
        return [
            one
            for one in self._futures.values()
            if one.state is FutureState.RUNNING or (one.pid and not one.has_ended)
        ]
