"""The longest chain of work; every figure here was worked out by hand."""

from doitstack.journal.critical_path import Stretch, critical_path
from doitstack.journal.events import Event, WaitEnd, WaitStart
from tests.unit.runs import (
    ONE_FUTURE,
    collected,
    future_end,
    future_start,
    record,
    run_end,
    run_start,
    step,
    step_end,
)


def _path(*events: Event, **start: object) -> list[tuple[str, float, float]]:
    _, parts = critical_path(record([run_start(0, **start), *events]))
    return [(part.name, part.start, part.end) for part in parts]


def test_path_goes_through_the_future_that_is_waited_for() -> None:
    length, parts = critical_path(record(ONE_FUTURE))
    assert length == 13
    assert parts == (
        Stretch("p: first", 100, 102),
        Stretch("a", 102, 112),
        Stretch("p: last", 112, 113),
    )


def test_path_goes_along_the_main_line_if_that_is_longer() -> None:
    assert _path(
        future_start(0, "a"),
        step(0, "long"),
        future_end(2, "a", 0, 2),
        WaitStart("a", time=9),
        collected(9, "a", 0.0),
        step(9, "last"),
        run_end(10),
    ) == [("p: long", 0, 9), ("p: last", 9, 10)]


def test_path_goes_through_futures_that_wait_for_futures() -> None:
    assert _path(
        step(0, "a", "async_run"),
        future_start(0, "a"),
        step(0, "first"),
        step_end(1, "first"),
        step(1, "b", "async_run", waits=("a",)),
        WaitStart("b", time=1),
        future_end(4, "a", 0, 4),
        future_start(4, "b"),
        future_end(9, "b", 4, 9),
        collected(9, "b", 8.0),
        run_end(9),
    ) == [("a", 0, 4), ("b", 4, 9)]


def test_wait_is_no_work() -> None:
    assert _path(
        step(0, "first"),
        future_start(1, "a"),
        WaitStart(time=1),
        WaitEnd(time=4),
        step_end(5, "first"),
        run_end(5),
    ) == [("p: first", 0, 1), ("p: first", 4, 5)]


def test_unawaited_future_may_be_the_end_of_the_path() -> None:
    assert _path(future_start(0, "a"), step(0, "s"), future_end(5, "a", 0, 5), run_end(5)) == [
        ("p: s", 0, 5)
    ]
    assert _path(
        step(0, "s"),
        future_start(1, "a"),
        WaitStart("a", time=1),
        future_end(5, "a", 1, 5),
        run_end(5),
    ) == [("p: s", 0, 1), ("a", 1, 5)]


def test_serial_run_is_one_chain() -> None:
    assert _path(
        step(0, "a", "async_run"),
        future_start(0, "a"),
        future_end(5, "a", 0, 5),
        run_end(6),
        parallel=False,
    ) == [("p: a", 0, 6)]


def test_run_without_steps_has_its_start_only() -> None:
    assert _path(run_end(2)) == [("(start)", 0, 2)]
