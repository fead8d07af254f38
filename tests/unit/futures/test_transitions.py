"""The states of a future."""

from typing import Any

import pytest

from doitstack.futures.future import ENDED_STATES, Future, FutureState
from doitstack.futures.transitions import change

DECLARED, QUEUED, STARTING, RUNNING, ENDED, CANCELLED, COLLECTED = FutureState


class Events:
    def __init__(self) -> None:
        self.kinds: list[str] = []

    def write(self, event: Any) -> None:
        self.kinds.append(event.event)


def future_in(state: FutureState) -> Future:
    future = Future(None, "a", "do a")  # type: ignore[arg-type]
    future.state = state
    return future


def test_each_change_has_its_event() -> None:
    journal: Any = Events()
    future = future_in(DECLARED)
    for state in (QUEUED, STARTING, RUNNING, ENDED, COLLECTED):
        change(journal, future, state)
    assert journal.kinds == ["future_queued", "future_start", "future_end", "collected"]


def test_facts_come_with_the_change() -> None:
    journal: Any = Events()
    future = future_in(STARTING)
    change(journal, future, RUNNING, pid=7, start_time=1.5)
    assert (future.pid, future.start_time) == (7, 1.5)


@pytest.mark.parametrize("state", FutureState)
def test_end_may_come_at_any_time_but_once(state: FutureState) -> None:
    journal: Any = Events()
    for end in (ENDED, CANCELLED):
        future = future_in(state)
        if state in ENDED_STATES:
            with pytest.raises(AssertionError, match="a: "):
                change(journal, future, end)
        else:
            change(journal, future, end)
            assert future.has_ended


@pytest.mark.parametrize(
    ("was", "state"),
    [(RUNNING, QUEUED), (RUNNING, COLLECTED), (QUEUED, RUNNING), (COLLECTED, RUNNING)],
)
def test_future_does_not_go_back_or_skip(was: FutureState, state: FutureState) -> None:
    journal: Any = Events()
    with pytest.raises(AssertionError):
        change(journal, future_in(was), state)
    assert journal.kinds == []
