"""The futures of a run by name."""

from typing import Any

from doitstack.futures.future import Future, FutureState
from doitstack.futures.future_table import FutureTable


class Journal:
    """A journal that keeps nothing."""

    def write(self, event: Any) -> None:
        pass


def table_of(*names: str) -> tuple[FutureTable, list[Future]]:
    journal: Any = Journal()
    registry: Any = None
    table = FutureTable(journal)
    futures = [Future(registry, name, f"do {name}") for name in names]
    for future in futures:
        table.add(future)
    return table, futures


def move(table: FutureTable, future: Future, *states: FutureState, **facts: Any) -> None:
    for state in states:
        table.set_state(future, state, **facts)


def test_future_is_found_until_it_is_collected() -> None:
    table, (a, b) = table_of("a", "b")
    assert table.find("a") is a
    assert table.find("x") is None
    move(table, a, FutureState.ENDED)
    assert table.find("a") is a
    move(table, a, FutureState.COLLECTED)
    assert table.find("a") is None
    assert table.first() is b
    assert table.uncollected() == [b]


def test_collected_future_gives_its_name_to_another() -> None:
    table, (a,) = table_of("a")
    move(table, a, FutureState.ENDED, FutureState.COLLECTED)
    _, (another,) = table_of("a")
    table.add(another)
    assert table.find("a") is another


def test_running_futures_are_counted() -> None:
    table, (a, b) = table_of("a", "b")
    for future in (a, b):
        move(table, future, FutureState.STARTING, FutureState.RUNNING)
    assert (table.running(), table.running_count) == ([a, b], 2)
    move(table, a, FutureState.ENDED)
    assert (table.running(), table.running_count) == ([b], 1)


def test_future_with_a_process_that_has_not_ended_can_be_stopped() -> None:
    table, (a, b, c) = table_of("a", "b", "c")
    move(table, a, FutureState.STARTING, FutureState.RUNNING, pid=0)
    move(table, b, FutureState.QUEUED, pid=7)
    move(table, c, FutureState.QUEUED)
    assert table.stoppable() == [a, b]
    move(table, b, FutureState.CANCELLED)
    assert table.stoppable() == [a]
    assert table.uncollected() == [a, c]
