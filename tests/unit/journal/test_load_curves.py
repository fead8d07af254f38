"""What a run did over time; every figure here was worked out by hand."""

from doitstack.journal.events import Usage, WaitEnd, WaitStart
from doitstack.journal.load_curves import Point, concurrency, cores_of_machine, cores_of_run
from tests.unit.runs import (
    ONE_FUTURE,
    future_end,
    future_start,
    record,
    run_end,
    run_start,
    step,
    step_end,
)


def test_waiting_main_line_does_not_count() -> None:
    # the main line, then the future beside it, then the future alone, then the main line
    assert concurrency(record(ONE_FUTURE)) == (
        Point(100, 1),
        Point(102, 2),
        Point(105, 1),
        Point(113, 0),
    )


def test_futures_that_never_ran_do_not_count() -> None:
    run = record([run_start(0), step(1, "a", "async_run"), run_end(4)])
    assert concurrency(run) == (Point(0, 1), Point(4, 0))


def test_serial_run_does_one_thing_at_a_time() -> None:
    run = record(
        [
            run_start(0, parallel=False),
            step(0, "a", "async_run"),
            future_start(0, "a"),
            future_end(2, "a", 0, 2),
            WaitStart(name="a", time=2),
            WaitEnd(time=2),
            step(2, "b"),
            step_end(3, "b"),
            run_end(3),
        ]
    )
    assert concurrency(run) == (Point(0, 1), Point(3, 0))


def test_processors_are_the_growth_of_cpu_time() -> None:
    run = record(
        [
            run_start(0),
            Usage(cpu=0.5, machine=70.0, time=1),
            Usage(cpu=2.0, machine=72.0, time=2),
            Usage(cpu=3.0, machine=73.0, time=4),
            run_end(5),
        ]
    )
    assert cores_of_run(run) == (Point(1, 1.5), Point(2, 0.5), Point(4, 0))
    assert cores_of_machine(run) == (Point(1, 2), Point(2, 0.5), Point(4, 0))


def test_samples_that_are_too_close_are_ignored() -> None:
    samples = [(1, 0.0), (1.1, 0.1), (2, 2.0), (2.01, 2.02)]
    events = [Usage(cpu=cpu, machine=cpu, time=time) for time, cpu in samples]
    run = record([run_start(0), *events, run_end(5)])
    assert cores_of_run(run) == (Point(1, 2), Point(2, 0))


def test_one_sample_is_no_curve() -> None:
    run = record([run_start(0), Usage(cpu=0.5, machine=70.0, time=1), run_end(5)])
    assert cores_of_run(run) == ()
