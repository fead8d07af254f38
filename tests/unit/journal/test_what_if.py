"""A run played again; every figure here was worked out by hand."""

import pytest

from doitstack.journal.events import Event, WaitEnd, WaitStart
from doitstack.journal.what_if import (
    Await,
    Background,
    Graph,
    Move,
    Start,
    Work,
    graph_of,
    play,
    what_if,
)
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


def _graph(*moves: Move, jobs: int = 0, **futures: Background) -> Graph:
    return Graph(moves, futures, jobs)


def test_main_line_adds_up() -> None:
    assert play(_graph(Work("x", 2), Work("y", 3))) == 5
    assert play(_graph()) == 0


def test_wait_lasts_until_the_future_ends() -> None:
    # started at 2, works until 12; the main line is there at 5, and goes on for 1 s
    moves = (Work("x", 2), Start("a"), Work("y", 3), Await("a"), Work("z", 1))
    assert play(_graph(*moves, a=Background(10))) == 13
    # ended at 3 already
    assert play(_graph(*moves, a=Background(1))) == 6


def test_unawaited_future_ends_with_the_run() -> None:
    assert play(_graph(Start("a"), Work("x", 2), a=Background(5))) == 5
    assert play(_graph(Start("a"), Work("x", 7), a=Background(5))) == 7


def test_future_starts_after_what_it_waits_for() -> None:
    # a: 0-4, b: 4-9, though the main line came to its start at 1
    graph = _graph(
        Start("a"), Work("x", 1), Start("b"), Await("b"), a=Background(4), b=Background(5, ("a",))
    )
    assert play(graph) == 9


def test_slots_make_futures_queue() -> None:
    three = {name: Background(4) for name in "abc"}
    moves = (Start("a"), Start("b"), Start("c"))
    assert play(_graph(*moves, jobs=0, **three)) == 4
    assert play(_graph(*moves, jobs=2, **three)) == 8
    assert play(_graph(*moves, jobs=1, **three)) == 12


def test_futures_with_one_lock_never_run_at_once() -> None:
    # a 0-4, b 4-6 as it has the same lock, c beside them 0-5; the lock takes no slot
    moves = (Start("a"), Start("b"), Start("c"))
    futures = {"a": Background(4, lock="x"), "b": Background(2, lock="x"), "c": Background(5)}
    assert play(_graph(*moves, **futures)) == 6
    assert play(_graph(*moves, jobs=2, **futures)) == 6


def test_queued_futures_start_in_the_order_in_which_they_did() -> None:
    # One slot: a 0-2, then c (as it came before b in the run) 2-7, then b 7-8.
    moves = (Start("a"), Start("b"), Start("c"), Await("b"))
    graph = _graph(*moves, jobs=1, a=Background(2), c=Background(5), b=Background(1))
    assert play(graph) == 8


def test_slot_is_free_at_the_moment_of_an_end() -> None:
    # a 0-2; b queues at 1 and works 2-4, while the main line works until 6
    graph = _graph(
        Start("a"), Work("x", 1), Start("b"), Work("y", 5), jobs=1, a=Background(2), b=Background(2)
    )
    assert play(graph) == 6
    assert play(graph.scaled("b", 3)) == 8


def test_shorter_steps_and_futures() -> None:
    graph = _graph(
        Work("x", 4), Start("a"), Work("x", 2), Await("a"), Work("y", 1), a=Background(10)
    )
    assert play(graph) == 15
    # both parts of x are halved; the second is hidden behind a
    assert play(graph.scaled("x", 0.5)) == 2 + 10 + 1
    assert play(graph.scaled("a", 0.5)) == 4 + 5 + 1
    assert play(graph.scaled("a", 0.0)) == 4 + 2 + 1
    assert play(graph.scaled("nobody", 0.0)) == 15


def test_wait_that_comes_last() -> None:
    graph = _graph(
        Start("a"), Start("b"), Await("a"), Work("x", 3), Await("b"),
        a=Background(5), b=Background(2),
    )  # fmt: skip
    assert play(graph) == 8
    # x 0-3, b has ended, a until 5
    assert play(graph.waiting_last({"a"})) == 5
    assert play(graph.waiting_last({"b"})) == 8


def test_graph_of_a_run() -> None:
    graph = graph_of(record(ONE_FUTURE))

    assert graph.moves == (
        Work("stack:install:p:first", 2),
        Start("a"),
        Work("stack:install:p:second", 3),
        Await("a"),
        Work("stack:install:p:last", 1),
    )
    assert graph.futures == {"a": Background(10)}
    assert play(graph) == 13


def test_future_can_start_where_the_plan_has_it_not_where_it_was_late() -> None:
    # b waits for a, and the main line was busy for long when a ended: b could have started at 1.
    run = record(
        [
            run_start(0),
            step(0, "x"),
            step_end(1, "x"),
            step(1, "a", "async_run", needs=("stack:install:p:x",)),
            future_start(1, "a"),
            step(1, "y"),
            future_end(5, "a", 1, 5),
            step_end(9, "y"),
            step(9, "b", "async_run", waits=("a",), needs=("stack:install:p:x",)),
            future_start(9, "b"),
            WaitStart(name="b", time=9),
            future_end(12, "b", 9, 12),
            collected(12, "b", 3.0),
            run_end(12),
        ]
    )
    graph = graph_of(run)
    assert graph.futures == {"a": Background(4), "b": Background(3, ("a",))}
    assert graph.moves == (
        Work("stack:install:p:x", 1),
        Start("a"),
        Start("b"),
        Work("stack:install:p:y", 8),
        Await("b"),
    )
    # x 0-1, y 1-9, a 1-5, b 5-8
    assert play(graph) == 9


def test_futures_that_have_one_name_one_after_the_other_count_each() -> None:
    # x 0-1; a 1-3, awaited; a again 3-7, awaited; y 7-8
    def future(start: float, end: float) -> list[Event]:
        return [
            future_start(start, "a"),
            WaitStart(name="a", time=start),
            future_end(end, "a", start, end),
            collected(end, "a", end - start),
        ]

    events = [
        run_start(0),
        step(0, "x"),
        *future(1, 3),
        *future(3, 7),
        step_end(8, "x"),
        run_end(8),
    ]
    found = what_if(record(events))
    assert found.replayed == 8
    assert [(gain.step.name, gain.none) for gain in found.steps] == [("a", 4), ("x", 2), ("a", 2)]
    assert [(wait.futures, wait.waited) for wait in found.waits] == [(("a", "a (2)"), 6)]


def test_time_between_steps_has_no_owner_and_waits_for_anything_are_no_work() -> None:
    run = record(
        [
            run_start(0),
            step(1, "x"),
            step_end(3, "x"),
            future_start(3, "a"),
            WaitStart(name="", time=3),
            future_end(6, "a", 3, 6),
            WaitEnd(time=6),
            run_end(7),
        ]
    )
    work = [move for move in graph_of(run).moves if isinstance(move, Work)]
    assert work == [Work("stack:install:p:x", 2), Work("", 1), Work("", 1)]
    # The main line has no wait for a: it ends at 4, and a at 6.
    assert play(graph_of(run)) == 6


def test_serial_run_is_work_only() -> None:
    run = record(
        [
            run_start(0, parallel=False),
            step(0, "a", "async_run"),
            future_start(0, "a"),
            future_end(5, "a", 0, 5),
            WaitStart(name="a", time=5),
            collected(5, "a", 0.0),
            run_end(6),
        ]
    )
    assert graph_of(run).moves == (Work("a", 5), Work("", 1))
    (gain,) = what_if(run).steps
    assert (gain.step.name, gain.half, gain.none) == ("a", 2.5, 5)


def test_what_if_shows_the_greatest_gain_first() -> None:
    tried = what_if(record(ONE_FUTURE))

    assert tried.replayed == 13
    # a: its end moves from 112 to 107, or to where the main line comes to the wait, 105
    assert [(gain.step.name, gain.half, gain.none) for gain in tried.steps] == [
        ("a", 5, 7),
        ("first", 1, 2),
        ("last", 0.5, 1),
        ("second", 0, 0),
    ]
    # the last step can be done while a works
    assert [(gain.step.name, gain.futures, gain.waited, gain.gain) for gain in tried.waits] == [
        ("async_wait-a", ("a",), 7, 1)
    ]


def test_wait_in_the_midst_of_a_step_can_be_moved() -> None:
    run = record(
        [
            run_start(0),
            step(0, "maker"),
            future_start(0, "a"),
            WaitStart(name="a", time=2),
            future_end(6, "a", 0, 6),
            collected(6, "a", 4.0),
            step_end(9, "maker"),
            run_end(9),
        ]
    )
    tried = what_if(run)
    assert tried.replayed == 9
    (wait,) = tried.waits
    assert (wait.step.name, wait.waited, wait.gain) == ("maker", 4, 3)
    assert {gain.step.name: gain.none for gain in tried.steps} == {
        "a": 4,
        "maker": pytest.approx(3),
    }
