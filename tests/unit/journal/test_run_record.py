"""From events to a run's steps, futures and waits."""

from pathlib import Path

from doitstack.journal.run_record import Sample, Status, StepRecord, Wait, read_run
from doitstack.steps import Kind
from tests.unit.runs import (
    ONE_FUTURE,
    collected,
    event,
    future_end,
    future_start,
    record,
    run_end,
    run_start,
    step,
    step_end,
    write_journal,
)


def _only(steps: tuple[StepRecord, ...]) -> StepRecord:
    (found,) = steps
    return found


def test_steps_of_the_main_line_have_their_times_and_logs() -> None:
    run = record(ONE_FUTURE)

    assert [(s.name, s.start, s.end, s.log) for s in run.main_line] == [
        ("first", 100, 102, (0, 50)),
        ("second", 102, 105, (60, 70)),
        ("async_wait-a", 105, 112, (100, 100)),
        ("last", 112, 113, (100, 120)),
    ]
    assert (run.elapsed, run.code, run.tasks, run.cores) == (13, 0, ("stack",), 2)
    skipped = run.steps[0]
    assert (skipped.name, skipped.status, skipped.was_run) == ("good", Status.SKIPPED, False)


def test_future_has_its_own_times_and_where_it_was_collected() -> None:
    run = record(ONE_FUTURE)

    future = _only(run.futures)
    assert (future.name, future.command, future.status) == ("a", "make_a", Status.DONE)
    assert (future.declared, future.start, future.end, future.seconds) == (102, 102, 112, 10)
    assert (future.collected, future.waited, future.cpu, future.log) == (112, 7, 9, (80, 95))
    assert run.waits == (Wait("a", 105, 112),)


def test_wait_lasts_until_another_future_fails_or_the_run_ends() -> None:
    started = [run_start(0), step(1, "a", "async_run"), future_start(1, "a")]
    waiting = [*started, event(2, "wait_start", name="b")]
    assert record([*waiting, run_end(9, code=130)]).waits == (Wait("b", 2, 9),)
    cleanup = [*waiting, event(4, "wait_start", name="a"), collected(4, "a", 0.0)]
    assert record([*cleanup, run_end(9, code=130)]).waits == (Wait("b", 2, 4), Wait("a", 4, 4))
    failed = [future_end(5, "a", 1, 5, rc=1), collected(5, "a", 0.0, rc=1)]
    assert record([*waiting, *failed, run_end(9, code=1)]).waits == (Wait("b", 2, 5),)


def test_future_that_had_ended_before_its_wait_costs_no_wait() -> None:
    run = record(
        [
            run_start(0),
            step(0, "a", "async_run"),
            future_start(0, "a"),
            step(0, "long"),
            step_end(9, "long"),
            future_end(9, "a", 0, 2),
            event(9, "wait_start", name="a"),
            collected(9, "a", 0.0),
            run_end(9),
        ]
    )
    assert run.waits == (Wait("a", 9, 9),)
    assert _only(run.futures).end == 2


def test_queued_future_has_a_start_of_its_own() -> None:
    run = record(
        [
            run_start(0),
            step(1, "a", "async_run", waits=["b"]),
            future_start(5, "a"),
            future_end(6, "a", 5, 6),
            run_end(6),
        ]
    )
    future = _only(run.futures)
    assert (future.declared, future.start, future.waits) == (1, 5, ("b",))


def test_future_that_an_action_starts_may_queue_too() -> None:
    run = record(
        [
            run_start(0),
            event(1, "future_queued", name="a", command="make_a", lock="apt"),
            event(4, "future_start", name="a", pid=1, command="make_a", lock="apt"),
            future_end(6, "a", 4, 6),
            event(6, "future_queued", name="late", command="make_late", lock=""),
            run_end(7),
        ]
    )
    future, late = run.futures
    assert (future.declared, future.start, future.lock) == (1, 4, "apt")
    assert (late.status, late.command) == (Status.QUEUED, "make_late")


def test_future_that_an_action_starts_belongs_to_the_step_it_came_from() -> None:
    run = record(
        [
            run_start(0),
            step(0, "maker"),
            future_start(1, "inner"),
            event(2, "wait_start", name="inner"),
            future_end(4, "inner", 1, 4),
            collected(4, "inner", 2.0),
            step_end(5, "maker"),
            run_end(5),
        ]
    )
    inner = _only(run.futures)
    assert (inner.task, inner.phase, inner.plugin) == ("", "stack install", "p")
    assert _only(run.main_line).seconds == 5


def test_name_may_be_used_again_once_it_has_been_collected() -> None:
    again = [
        future_start(1, "a"),
        future_end(2, "a", 1, 2),
        collected(2, "a", 0.0),
        future_start(3, "a"),
        future_end(5, "a", 3, 5, rc=7, error="future a: failed with rc 7"),
    ]
    run = record([run_start(0), step(0, "maker"), *again, run_end(6)])
    assert [(f.start, f.end, f.status) for f in run.futures] == [
        (1, 2, Status.DONE),
        (3, 5, Status.FAILED),
    ]
    assert _only(run.failed).error == "future a: failed with rc 7"
    assert _only(run.failed).rc == 7


def test_ends_that_are_not_good_are_told_apart() -> None:
    run = record(
        [
            run_start(0),
            step(0, "b", "async_run"),
            future_start(0, "b"),
            step(0, "c", "async_run"),
            step(1, "broken", log=5),
            step_end(3, "broken", "failed", log=9, error="it broke"),
            event(3, "future_cancelled", name="c"),
            future_end(3, "b", 0, 3, rc=143),
            event(3, "future_stopped", name="b"),
            step(3, "late", what="step_not_run"),
            run_end(3, code=1),
        ]
    )
    assert {s.name: s.status for s in run.steps} == {
        "b": Status.STOPPED,
        "c": Status.CANCELLED,
        "broken": Status.FAILED,
        "late": Status.NOT_RUN,
    }
    assert [(s.name, s.error) for s in run.failed] == [("broken", "it broke")]
    assert run.code == 1


def test_future_that_could_not_be_started_has_failed() -> None:
    run = record(
        [
            run_start(0),
            step(0, "a", "async_run"),
            step_end(0, "a", "failed", log=3, error="no room"),
            run_end(1, code=1),
        ]
    )
    assert [(s.name, s.error, s.kind) for s in run.failed] == [("a", "no room", Kind.ASYNC_RUN)]


def test_killed_run_ends_with_its_last_event() -> None:
    run = record(ONE_FUTURE[:7])
    assert (run.code, run.elapsed) == (None, 2)
    assert {s.name: s.status for s in run.steps[2:]} == {"a": Status.LOST, "second": Status.LOST}
    assert all(s.end == 102 for s in run.steps[2:])


def test_serial_run_has_everything_on_its_main_line() -> None:
    run = record(
        [
            run_start(0, parallel=False),
            step(0, "a", "async_run"),
            future_start(0, "a"),
            future_end(5, "a", 0, 5),
            run_end(6),
        ]
    )
    assert run.futures == ()
    assert [s.name for s in run.main_line] == ["a"]


def test_samples_are_those_of_the_whole_machine() -> None:
    run = record(
        [
            run_start(0),
            event(1, "usage", cpu=0.5, machine=70.0),
            event(2, "usage", cpu=0.9),
            run_end(3),
        ]
    )
    assert run.samples == (Sample(1, 0.5, 70.0),)


def test_journal_without_a_run_is_none(tmp_path: Path) -> None:
    run = read_run(write_journal(tmp_path, "1", ONE_FUTURE))
    assert run
    assert run.name == "1"
    assert read_run(write_journal(tmp_path, "2", ONE_FUTURE[1:])) is None
    assert read_run(write_journal(tmp_path, "3", [])) is None
