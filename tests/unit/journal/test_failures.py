"""What failed in a run, from its events."""

from typing import Any

from doitstack.journal.failures import Failure, outcome
from doitstack.journal.raw_events import Event


def _start(
    time: float, step: str, kind: str = "run", *, waits: tuple[str, ...] = (), **fields: Any
) -> Event:
    return Event(
        time,
        fields.pop("event", "step_start"),
        {
            "task": f"t:{step}",
            "plugin": "demo",
            "phase": "stack install",
            "step": step,
            "kind": kind,
            "waits": waits,
            **fields,
        },
    )


def _end(time: float, step: str, status: str, error: str | None = None, log: int = 0) -> Event:
    return Event(
        time, "step_end", {"task": f"t:{step}", "status": status, "error": error, "log": log}
    )


def _not_run(step: str, kind: str = "run", *waits: str) -> Event:
    return _start(99.0, step, kind, waits=waits, event="step_not_run")


def _began(time: float, name: str) -> Event:
    return Event(time, "future_start", {"name": name, "pid": 7})


def _ended(time: float, name: str, rc: int, error: str | None = None) -> Event:
    return Event(
        time,
        "future_end",
        {
            "name": name,
            "rc": rc,
            "error": error,
            "start_time": time * 1000 - 2000,
            "end_time": time * 1000,
        },
    )


def _failures(*events: Event, strict: bool = False) -> list[str]:
    return [failure.name for failure in outcome(events, strict=strict).failures]


def test_failed_step_is_told_with_its_place_and_its_output() -> None:
    found = outcome(
        [
            _start(1.0, "good", log=10),
            _end(2.0, "good", "done"),
            _start(2.0, "bad", log=20),
            _end(5.0, "bad", "failed", "no luck", log=90),
            _not_run("later"),
            _not_run("async_wait-a", "async_wait", "a"),
        ],
        strict=False,
    )
    assert found.failures == (
        Failure(
            time=5.0,
            task="t:bad",
            name="bad",
            plugin="demo",
            phase="stack install",
            error="no luck",
            seconds=3.0,
            rc=None,
            log=(20, 90),
        ),
    )
    assert found.not_run == ("later",)
    assert found.stopped == ()
    assert found.interrupted is None


def test_failed_future_belongs_to_the_step_that_declares_it() -> None:
    found = outcome(
        [
            _start(1.0, "a", "async_run"),
            _began(1.0, "a"),
            _ended(4.0, "a", 7, "future a: failed with rc 7"),
            _not_run("async_wait-a", "async_wait", "a"),
        ],
        strict=False,
    )
    (failure,) = found.failures
    assert (failure.name, failure.plugin, failure.rc) == ("a", "demo", 7)
    assert failure.is_future
    assert failure.seconds == 2.0


def test_first_in_time_is_first_also_when_it_was_noticed_later() -> None:
    events = [
        _start(1.0, "a", "async_run"),
        _began(1.0, "a"),
        _start(1.0, "long"),
        _end(9.0, "long", "failed", "no luck"),
        _ended(3.0, "a", 1),
        _not_run("async_wait-a", "async_wait", "a"),
    ]
    assert _failures(*events) == ["a", "long"]


def test_future_that_another_future_waits_for_counts() -> None:
    events = [_start(1.0, "a", "async_run"), _began(1.0, "a"), _ended(3.0, "a", 1)]
    assert _failures(*events) == []
    assert _failures(*events, _not_run("b", "async_run", "a")) == ["a"]


def test_future_that_nobody_waits_for_counts_only_if_that_is_strict() -> None:
    events = [
        _start(1.0, "a", "async_run"),
        _began(1.0, "a"),
        _ended(3.0, "a", 1),
        _start(4.0, "bad"),
        _end(5.0, "bad", "failed", "no luck"),
    ]
    assert _failures(*events) == ["bad"]
    assert _failures(*events, strict=True) == ["a", "bad"]


def test_step_that_fails_with_its_own_future_is_not_the_cause() -> None:
    def waiting(error: str) -> list[str]:
        return _failures(
            _start(1.0, "script"),
            _began(1.0, "own"),
            _ended(3.0, "own", 7),
            Event(3.0, "collected", {"name": "own", "rc": 7}),
            _end(4.0, "script", "failed", error),
        )

    assert waiting("script.sh:3: 'async_wait' ended with code 7") == ["own"]
    assert waiting("future own: failed with rc 7") == ["own"]
    # It went on after the future, and something else ended it.
    assert waiting("script.sh:5: 'false' ended with code 1") == ["script"]


def test_future_of_a_script_belongs_to_its_step() -> None:
    (failure,) = outcome(
        [
            _start(1.0, "script"),
            _began(1.0, "own"),
            _ended(3.0, "own", 7),
            Event(3.0, "collected", {"name": "own", "rc": 7}),
            _end(4.0, "script", "failed", "'async_wait' ended with code 7"),
        ],
        strict=False,
    ).failures
    assert (failure.name, failure.task, failure.phase) == ("own", "t:script", "stack install")


def test_what_had_to_stop_has_not_failed() -> None:
    found = outcome(
        [
            _start(1.0, "a", "async_run"),
            _began(1.0, "a"),
            _start(1.0, "q", "async_run"),
            _start(1.0, "standing"),
            _end(4.0, "standing", "stopped"),
            Event(4.0, "future_cancelled", {"name": "q"}),
            _ended(4.0, "a", 143, "future a: failed with rc 143"),
            Event(4.0, "future_stopped", {"name": "a"}),
            # One of the shell, which had waited in a process of its own.
            Event(4.0, "future_stopped", {"name": "gated"}),
            _ended(4.0, "good", 0),
            Event(4.0, "future_stopped", {"name": "good"}),
            _not_run("async_wait-a", "async_wait", "a"),
        ],
        strict=False,
    )
    assert found.failures == ()
    assert found.stopped == ("a",)
    assert found.not_run == ("q", "gated")
    assert found.interrupted
    assert (found.interrupted.name, found.interrupted.seconds) == ("standing", 3.0)


def test_what_the_main_line_waited_for_is_known() -> None:
    waits = Event(1.0, "wait_start", {"name": "a"})
    assert outcome([waits], strict=False).awaited == "a"
    for end in (Event(2.0, "wait_end", {}), Event(2.0, "collected", {"name": "a", "rc": 0})):
        assert outcome([waits, end], strict=False).awaited is None
        cleanup = [waits, _not_run("async_wait-a", "async_wait", "a"), end]
        assert outcome(cleanup, strict=False).awaited == "a"
