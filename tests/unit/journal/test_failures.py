"""Why a run did not succeed."""

from typing import Any

from doitstack.journal.events import (
    Event,
    FutureCancelled,
    FutureStopped,
    WaitEnd,
    WaitStart,
)
from doitstack.journal.failures import RunFailures, failures_of
from tests.unit.runs import (
    collected,
    future_end,
    future_start,
    record,
    run_start,
    step,
    step_end,
    step_not_run,
)


def _found(*events: Event, strict: bool = False) -> RunFailures:
    return failures_of(record([run_start(0), *events]), strict=strict)


def _failed(*events: Event, strict: bool = False) -> list[str]:
    return [step.name for step in _found(*events, strict=strict).failed]


def _wait(time: float, *names: str) -> Event:
    return step_not_run(time, f"async_wait-{'-'.join(names)}", "async_wait", waits=names)


def test_failed_step_has_its_place_and_its_output() -> None:
    found = _found(
        step(1, "good", log=10),
        step_end(2, "good", log=20),
        step(2, "bad", log=20),
        step_end(5, "bad", "failed", error="no luck", log=90),
        step_not_run(5, "later"),
        _wait(5, "a"),
    )
    (failed,) = found.failed
    assert (failed.task, failed.name, failed.plugin) == ("stack:install:p:bad", "bad", "p")
    assert (failed.error, failed.seconds, failed.log) == ("no luck", 3.0, (20, 90))
    assert not failed.ended_in_background
    assert found.not_run == ("later",)
    assert found.stopped == ()
    assert found.interrupted is None


def test_later_steps_of_the_name_that_failed_are_no_news() -> None:
    found = _found(
        step(1, "50-a.sh"),
        step_end(2, "50-a.sh", "failed", error="no luck"),
        step_not_run(2, "50-a.sh"),
        step_not_run(2, "60-b.sh"),
        step_not_run(2, "60-b.sh"),
    )
    assert found.not_run == ("60-b.sh",)


def test_failed_future_belongs_to_the_step_that_declares_it() -> None:
    (failed,) = _found(
        step(1, "a", "async_run"),
        future_start(1, "a"),
        future_end(4, "a", 2, 4, rc=7, error="future a: failed with rc 7"),
        _wait(5, "a"),
    ).failed
    assert (failed.name, failed.plugin, failed.rc, failed.seconds) == ("a", "p", 7, 2.0)
    assert failed.ended_in_background


def test_first_in_time_is_first_also_when_it_was_noticed_later() -> None:
    events = [
        step(1, "a", "async_run"),
        future_start(1, "a"),
        step(1, "long"),
        step_end(9, "long", "failed", error="no luck"),
        future_end(9, "a", 1, 3, rc=1),
        _wait(9, "a"),
    ]
    assert _failed(*events) == ["a", "long"]


def test_future_that_another_future_waits_for_counts() -> None:
    events = [step(1, "a", "async_run"), future_start(1, "a"), future_end(3, "a", 1, 3, rc=1)]
    assert _failed(*events) == []
    assert _failed(*events, step_not_run(4, "b", "async_run", waits=("a",))) == ["a"]


def test_unawaited_future_counts_only_if_that_is_strict() -> None:
    events = [
        step(1, "a", "async_run"),
        future_start(1, "a"),
        future_end(3, "a", 1, 3, rc=1),
        step(4, "bad"),
        step_end(5, "bad", "failed", error="no luck"),
    ]
    assert _failed(*events) == ["bad"]
    assert _failed(*events, strict=True) == ["a", "bad"]


def test_future_that_could_not_be_started_has_failed() -> None:
    events = [step(1, "a", "async_run"), step_end(1, "a", "failed", error="no room", log=3)]
    assert _failed(*events) == ["a"]


def test_step_that_fails_with_its_own_future_is_not_the_cause() -> None:
    def failing(**why: Any) -> list[str]:
        return _failed(
            step(1, "script"),
            future_start(1, "own"),
            future_end(3, "own", 1, 3, rc=7),
            collected(3, "own", 0.0, rc=7),
            step_end(4, "script", "failed", error="script.sh:3: it ended", **why),
        )

    assert failing(future="own") == ["own"]
    # It went on after the future, and something else ended it.
    assert failing() == ["script"]


def test_future_of_a_script_belongs_to_its_step() -> None:
    (failed,) = _found(
        step(1, "script"),
        future_start(1, "own"),
        future_end(3, "own", 1, 3, rc=7),
        collected(3, "own", 0.0, rc=7),
        step_end(4, "script", "failed", future="own"),
    ).failed
    assert (failed.name, failed.phase) == ("own", "stack install")
    assert failed.started_by == "stack:install:p:script"


def test_what_had_to_stop_has_not_failed() -> None:
    found = _found(
        step(1, "a", "async_run"),
        future_start(1, "a"),
        step(1, "q", "async_run"),
        step(1, "good", "async_run"),
        future_start(1, "good"),
        step(1, "standing"),
        step_end(4, "standing", "stopped"),
        FutureCancelled("q", time=4),
        future_end(4, "a", 1, 4, rc=143, error="future a: failed with rc 143"),
        FutureStopped("a", time=4),
        # A future of bash, which had waited in its own process.
        FutureStopped("gated", time=4),
        # One that had come to its end just before.
        future_end(4, "good", 1, 4),
        FutureStopped("good", time=4),
        step_not_run(4, "later"),
        _wait(4, "a"),
    )
    assert found.failed == ()
    assert found.stopped == ("a",)
    assert found.not_run == ("q", "gated", "later")
    assert found.interrupted
    assert (found.interrupted.name, found.interrupted.seconds) == ("standing", 3.0)


def test_future_that_the_main_line_waited_for_is_recorded() -> None:
    waits = WaitStart("a", time=1)
    assert _found().awaited is None
    assert _found(waits).awaited == "a"
    for end in (WaitEnd(time=2), collected(2, "a", 1.0)):
        assert _found(waits, end).awaited is None
        # The cleanup after the end of the main line ends the wait, too.
        assert _found(waits, _wait(2, "a"), end).awaited == "a"
