"""What a run is doing, from its events."""

from typing import Any

import pytest

from doitstack.journal.progress import Left, Progress, Standing, left
from doitstack.journal.raw_events import Event
from doitstack.phases import Phase
from doitstack.planning.plan import PlannedStep
from doitstack.steps import Step, async_run, async_wait, run


def act() -> None:
    """Stand for an action."""


def _planned(step: Step, *needs: str) -> PlannedStep:
    return PlannedStep(0, Phase.INSTALL, "demo", f"t:{step.name}", step, needs)


PLAN = [
    _planned(async_run("slow", act)),
    _planned(async_run("after", act, wait=["slow"]), "t:slow"),
    _planned(run(act, name="first")),
    _planned(async_wait("slow", "after"), "t:first", "t:slow", "t:after"),
    _planned(run(act, name="last"), "t:async_wait-slow-after"),
]
EXPECTED = {"slow": 30.0, "after": 5.0, "t:first": 10.0, "t:last": 2.0}


def _step(time: float, kind: str, step: str, what: str = "run", **fields: Any) -> Event:
    phase = {} if kind == "step_end" else {"phase": "stack install", "kind": what}
    return Event(
        time, kind, {"task": f"t:{step}", "plugin": "demo", "step": step, **phase, **fields}
    )


def _after(*events: Event) -> Progress:
    progress = Progress()
    for event in events:
        progress.follow(event)
    return progress


START = (
    Event(100.0, "run_start", {}),
    _step(100.0, "step_start", "slow", "async_run"),
    Event(101.0, "future_start", {"name": "slow", "pid": 7}),
    _step(101.0, "step_start", "queued", "async_run"),
    _step(102.0, "step_start", "first"),
)


def test_main_line_and_futures_are_known() -> None:
    progress = _after(*START)

    assert (progress.start, progress.phase) == (100.0, "stack install")
    assert (progress.step, progress.task, progress.step_since) == ("demo: first", "t:first", 102.0)
    assert [(one.name, one.since) for one in progress.of(Standing.RUNNING)] == [("slow", 101.0)]
    assert [one.name for one in progress.of(Standing.QUEUED)] == ["queued"]
    assert progress.awaited is None


def test_phase_is_that_of_the_main_line() -> None:
    late = Event(
        103.0,
        "step_start",
        {"task": "t", "plugin": "x", "step": "y", "phase": "stack extra", "kind": "async_run"},
    )
    assert _after(*START, late).phase == "stack install"
    assert _after(late).phase == ""


def test_ended_step_leaves_the_main_line_free() -> None:
    progress = _after(*START, _step(103.0, "step_end", "first", status="done"))
    assert (progress.step, progress.phase) == ("", "stack install")
    assert progress.count(PLAN) == (1, 5)


def test_waits_begin_and_end() -> None:
    waiting = _after(*START, Event(103.0, "wait_start", {"name": "slow"}))
    assert (waiting.awaited, waiting.awaited_since) == ("slow", 103.0)
    waiting.follow(Event(104.0, "collected", {"name": "slow", "rc": 0}))
    assert waiting.awaited is None
    waiting.follow(Event(105.0, "wait_start", {"name": ""}))
    assert waiting.awaited == ""
    waiting.follow(Event(106.0, "wait_end", {}))
    assert waiting.awaited is None


@pytest.mark.parametrize(("rc", "standing"), [(0, Standing.DONE), (3, Standing.FAILED)])
def test_ended_future_counts_as_a_step(rc: int, standing: Standing) -> None:
    progress = _after(*START, Event(109.0, "future_end", {"name": "slow", "rc": rc}))
    (future,) = progress.of(standing)
    assert (future.name, future.since, future.until, future.rc) == ("slow", 101.0, 109.0, rc)
    assert progress.count(PLAN) == (1, 5)


def test_skipped_steps_and_cancelled_futures_are_done_with() -> None:
    progress = _after(
        *START,
        _step(102.5, "step_skipped", "last"),
        Event(103.0, "future_cancelled", {"name": "queued"}),
    )
    assert progress.count(PLAN) == (1, 5)
    assert progress.of(Standing.QUEUED) == []


def test_future_of_no_plan_is_seen() -> None:
    progress = _after(Event(1.0, "future_start", {"name": "own", "pid": 7}))
    assert [one.name for one in progress.of(Standing.RUNNING)] == ["own"]
    assert progress.count(PLAN) == (0, 5)


def test_rest_is_the_longest_path_through_what_is_left() -> None:
    assert left(Progress(), PLAN, EXPECTED, 100.0) == Left(30 + 5 + 2, is_known=True)
    running = _after(*START)
    assert left(running, PLAN, EXPECTED, 111.0) == Left(20 + 5 + 2, is_known=True)
    # What takes longer than last time is about to end.
    assert left(running, PLAN, EXPECTED, 500.0) == Left(5 + 2, is_known=True)


def test_queued_future_has_all_of_its_time_before_it() -> None:
    queued = _after(*START[:2])
    assert left(queued, PLAN, EXPECTED, 111.0) == Left(30 + 5 + 2, is_known=True)


def test_rest_is_a_lower_bound_where_something_is_new() -> None:
    known = {name: seconds for name, seconds in EXPECTED.items() if name != "t:last"}
    assert left(Progress(), PLAN, known, 100.0) == Left(35, is_known=False)
    assert left(Progress(), PLAN, {}, 100.0) is None
    assert left(Progress(), [], EXPECTED, 100.0) is None
