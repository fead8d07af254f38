"""From events to a run's steps, futures and waits."""

from pathlib import Path

from doitstack.journal.events import (
    FutureCancelled,
    FutureQueued,
    FutureStart,
    FutureStopped,
    Usage,
    WaitStart,
)
from doitstack.journal.run_record import RunRecord, Sample, WaitRecord, read_run
from doitstack.journal.status import Status
from doitstack.journal.step_record import StepRecord
from doitstack.steps import Kind
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
    step_not_run,
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
    assert (skipped.name, skipped.status, skipped.was_run) == ("good", Status.UP_TO_DATE, False)


def test_future_has_its_own_times_and_where_it_was_collected() -> None:
    run = record(ONE_FUTURE)

    future = _only(run.futures)
    assert (future.name, future.command, future.status) == ("a", "make_a", Status.DONE)
    assert (future.declared, future.start, future.end, future.seconds) == (102, 102, 112, 10)
    assert (future.collected, future.waited, future.cpu, future.log) == (112, 7, 9, (80, 95))
    assert run.waits == [WaitRecord("a", 105, 112)]


def test_wait_lasts_until_another_future_fails_or_the_run_ends() -> None:
    started = [run_start(0), step(1, "a", "async_run"), future_start(1, "a")]
    waiting = [*started, WaitStart(name="b", time=2)]
    assert record([*waiting, run_end(9, code=130)]).waits == [WaitRecord("b", 2, 9)]
    cleanup = [*waiting, WaitStart(name="a", time=4), collected(4, "a", 0.0)]
    assert record([*cleanup, run_end(9, code=130)]).waits == [
        WaitRecord("b", 2, 4),
        WaitRecord("a", 4, 4),
    ]
    failed = [future_end(5, "a", 1, 5, rc=1), collected(5, "a", 0.0, rc=1)]
    assert record([*waiting, *failed, run_end(9, code=1)]).waits == [WaitRecord("b", 2, 5)]


def test_future_that_had_ended_before_its_wait_costs_no_wait() -> None:
    run = record(
        [
            run_start(0),
            step(0, "a", "async_run"),
            future_start(0, "a"),
            step(0, "long"),
            step_end(9, "long"),
            future_end(9, "a", 0, 2),
            WaitStart(name="a", time=9),
            collected(9, "a", 0.0),
            run_end(9),
        ]
    )
    assert run.waits == [WaitRecord("a", 9, 9)]
    assert _only(run.futures).end == 2


def test_queued_future_has_a_start_of_its_own() -> None:
    run = record(
        [
            run_start(0),
            step(1, "a", "async_run", waits=("b",)),
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
            FutureQueued(name="a", command="make_a", lock="apt", time=1),
            FutureStart(name="a", pid=1, command="make_a", lock="apt", time=4),
            future_end(6, "a", 4, 6),
            FutureQueued(name="late", command="make_late", lock="", time=6),
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
            WaitStart(name="inner", time=2),
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


def test_bad_ends_are_distinguished() -> None:
    run = record(
        [
            run_start(0),
            step(0, "b", "async_run"),
            future_start(0, "b"),
            step(0, "c", "async_run"),
            step(1, "broken", log=5),
            step_end(3, "broken", "failed", log=9, error="it broke"),
            FutureCancelled(name="c", time=3),
            future_end(3, "b", 0, 3, rc=143),
            FutureStopped(name="b", time=3),
            step_not_run(3, "late"),
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
    assert {s.name: s.status for s in run.steps[2:]} == {
        "a": Status.RUNNING,
        "second": Status.RUNNING,
    }
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
            Usage(cpu=0.5, machine=70.0, time=1),
            Usage(cpu=0.9, time=2),
            run_end(3),
        ]
    )
    assert run.samples == [Sample(1, 0.5, 70.0)]


def test_journal_without_a_run_is_none(tmp_path: Path) -> None:
    run = read_run(write_journal(tmp_path, "1", ONE_FUTURE))
    assert run
    assert run.name == "1"
    assert read_run(write_journal(tmp_path, "2", ONE_FUTURE[1:])) is None
    assert read_run(write_journal(tmp_path, "3", [])) is None


def test_future_that_cannot_have_a_name_leaves_it_to_the_one_that_has_it() -> None:
    run = record(
        [
            run_start(0),
            future_start(1, "taken"),
            step(2, "taken", "async_run"),
            step_end(2, "taken", "failed", error="is started already"),
            future_end(3, "taken", 1, 3, rc=143),
            FutureStopped("taken", time=3),
            run_end(3, code=1),
        ]
    )
    assert [(s.status, s.end, s.rc) for s in run.steps] == [
        (Status.STOPPED, 3, 143),
        (Status.FAILED, 2, None),
    ]


def test_steps_of_a_run_that_goes_on() -> None:
    run = RunRecord("now")
    for event in (run_start(0), step(1, "first"), WaitStart("a", time=2)):
        run.add(event)
    assert run.current is run.find("stack:install:p:first") is run.steps[0]
    assert (run.wait, run.waits, run.end) == (WaitRecord("a", 2, 2), [], 2)
    run.add(step_end(3, "first"))
    assert run.current is None


def test_line_that_was_lost_does_not_matter() -> None:
    run = record([run_start(0), step_end(1, "unknown"), collected(2, "a", 1.0), run_end(3)])
    assert [(s.name, s.was_run) for s in run.steps] == [("a", False)]
