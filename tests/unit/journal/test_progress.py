"""What a run is doing, and how long the rest takes."""

import pytest

from doitstack.journal.events import Event, FutureCancelled, WaitEnd, WaitStart
from doitstack.journal.progress import (
    RemainingTime,
    count_ended,
    futures_in,
    phase_of,
    remaining_time,
)
from doitstack.journal.run_record import RunRecord
from doitstack.journal.status import Status
from doitstack.phases import Phase
from doitstack.planning.plan import PlannedStep
from doitstack.steps import Step, async_run, async_wait, run
from tests.unit.runs import (
    collected,
    future_end,
    future_start,
    run_start,
    step,
    step_end,
    step_not_run,
    step_skipped,
)

TASK = "stack:install:p:"


def act(stack: object) -> None:
    """Stand for an action."""


def _planned(step: Step, *needs: str) -> PlannedStep:
    return PlannedStep(0, Phase.INSTALL, "p", f"{TASK}{step.name}", step, needs)


PLAN = [
    _planned(async_run("slow", act)),
    _planned(async_run("after", act, wait=["slow"]), "stack:install:p:slow"),
    _planned(run(act, name="first")),
    _planned(
        async_wait("slow", "after"),
        "stack:install:p:first",
        "stack:install:p:slow",
        "stack:install:p:after",
    ),
    _planned(run(act, name="last"), "stack:install:p:async_wait-slow-after"),
]
EXPECTED = {"slow": 30.0, "after": 5.0, "stack:install:p:first": 10.0, "stack:install:p:last": 2.0}


START = (
    run_start(100),
    step(100, "slow", "async_run"),
    future_start(101, "slow"),
    step(101, "queued", "async_run"),
    step(102, "first"),
)


def _after(*events: Event) -> RunRecord:
    run = RunRecord("now")
    for event in events:
        run.add(event)
    return run


def _names(run: RunRecord, status: Status) -> list[str]:
    return [future.name for future in futures_in(run, status)]


def test_progress_has_main_line_and_futures() -> None:
    now = _after(*START)

    assert (now.start, phase_of(now)) == (100, "stack install")
    assert now.current
    assert (now.current.label, now.current.declared) == ("p: first", 102)
    assert [(one.name, one.start) for one in futures_in(now, Status.RUNNING)] == [("slow", 101)]
    assert _names(now, Status.QUEUED) == ["queued"]
    assert now.wait is None


def test_phase_is_that_of_the_main_line() -> None:
    late = step(103, "y", "async_run", phase="stack extra")
    assert phase_of(_after(*START, late)) == "stack install"
    assert phase_of(_after(late)) == ""
    assert phase_of(_after(*START, step_not_run(104, "z", phase="clean"))) == "stack install"


def test_ended_step_leaves_the_main_line_free() -> None:
    now = _after(*START, step_end(103, "first"))
    assert (now.current, phase_of(now)) == (None, "stack install")
    assert count_ended(now, PLAN) == (1, 5)


def test_waits_begin_and_end() -> None:
    now = _after(*START, WaitStart("slow", time=103))
    assert now.wait
    assert (now.wait.name, now.wait.start) == ("slow", 103)
    now.add(collected(104, "slow", 1.0))
    assert now.wait is None
    now.add(WaitStart(time=105))
    assert now.wait
    now.add(WaitEnd(time=106))
    assert now.wait is None


@pytest.mark.parametrize(("rc", "status"), [(0, Status.DONE), (3, Status.FAILED)])
def test_ended_future_counts_as_a_step(rc: int, status: Status) -> None:
    now = _after(*START, future_end(110, "slow", 101, 109, rc=rc))
    (future,) = futures_in(now, status)
    assert (future.name, future.start, future.end, future.rc) == ("slow", 101, 109, rc)
    assert count_ended(now, PLAN) == (1, 5)


def test_steps_that_are_up_to_date_and_cancelled_futures_count() -> None:
    now = _after(
        *START,
        step_skipped(102.5, "last"),
        FutureCancelled("queued", time=103),
    )
    assert count_ended(now, PLAN) == (1, 5)
    assert futures_in(now, Status.QUEUED) == []


def test_future_of_no_plan_is_seen() -> None:
    now = _after(future_start(1, "own"))
    assert _names(now, Status.RUNNING) == ["own"]
    assert count_ended(now, PLAN) == (0, 5)


def test_rest_is_the_longest_path_through_what_is_left() -> None:
    assert remaining_time(_after(), PLAN, EXPECTED, 100) == RemainingTime(30 + 5 + 2, is_known=True)
    running = _after(*START)
    assert remaining_time(running, PLAN, EXPECTED, 111) == RemainingTime(20 + 5 + 2, is_known=True)
    # What takes longer than last time is about to end.
    assert remaining_time(running, PLAN, EXPECTED, 500) == RemainingTime(5 + 2, is_known=True)


def test_queued_future_has_all_of_its_time_before_it() -> None:
    queued = _after(*START[:2])
    assert remaining_time(queued, PLAN, EXPECTED, 111) == RemainingTime(30 + 5 + 2, is_known=True)


def test_rest_is_a_lower_bound_if_something_is_new() -> None:
    known = {name: seconds for name, seconds in EXPECTED.items() if name != f"{TASK}last"}
    assert remaining_time(_after(), PLAN, known, 100) == RemainingTime(35, is_known=False)
    assert remaining_time(_after(), PLAN, {}, 100) is None
    assert remaining_time(_after(), [], EXPECTED, 100) is None
