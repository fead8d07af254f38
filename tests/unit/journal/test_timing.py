"""From events to figures; every figure here was worked out by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from doitstack.journal.critical_path import Stretch
from doitstack.journal.events import (
    Collected,
    ComponentTime,
    Event,
    FutureEnd,
    FutureStart,
    RunEnd,
    RunStart,
    StepStart,
    WaitEnd,
    WaitStart,
)
from doitstack.journal.timing import Timing, last_serial_elapsed, measure
from doitstack.steps import Kind
from tests.unit.runs import record, write_journal


def _event(time: float, kind: str, /, **fields: Any) -> Event:
    return Event(time, kind, fields)


def _start(time: float, parallel: bool = True) -> Event:
    return RunStart(time=time, parallel=parallel, cores=2, tasks=("stack",))


def _step(time: float, name: str, kind: str = "run", waits: tuple[str, ...] = ()) -> Event:
    return StepStart(f"t:{name}", plugin="p", step=name, kind=Kind(kind), waits=waits, time=time)


def _future_end(time: float, name: str, start: float, end: float) -> Event:
    return FutureEnd(name, 0, start, end, time=time)


def _end(time: float, cpu: float, code: int = 0) -> Event:
    return RunEnd(code, cpu, time=time)


# The main line works 2 s, starts a future of 10 s, works 3 s beside it, and waits for 7 s.
ONE_FUTURE = [
    _start(100),
    _step(100, "first"),
    _step(102, "a", "async_run"),
    FutureStart(name="a", pid=1, command="a", time=102),
    _step(102, "second"),
    WaitStart(name="a", time=105),
    _future_end(112, "a", 102, 112),
    Collected(name="a", rc=0, waited=7.0, time=112),
    _step(112, "last"),
    _end(113, cpu=15.0),
]


def _of(events: list[Event]) -> Timing:
    return measure(record(events))


def test_serial_time_is_by_devstacks_formula() -> None:
    timing = _of(ONE_FUTURE)

    assert (timing.elapsed, timing.background, timing.wait) == (13, 10, 7)
    assert timing.serial == 13 + 10 - 7
    assert timing.speedup == pytest.approx(16 / 13)


def test_critical_path_goes_through_the_future() -> None:
    timing = _of(ONE_FUTURE)

    assert timing.critical_path == pytest.approx(13)
    assert timing.critical_steps == (
        Stretch("p: first", 100, 102),
        Stretch("a", 102, 112),
        Stretch("p: last", 112, 113),
    )


def test_lower_bound_is_the_greater_of_path_and_cpu_over_cores() -> None:
    assert _of(ONE_FUTURE).lower_bound == 13
    assert _of([*ONE_FUTURE[:-1], _end(113, cpu=30.0)]).lower_bound == 15


def test_critical_path_goes_along_the_main_line_where_that_is_longer() -> None:
    timing = _of(
        [
            _start(0),
            FutureStart(name="a", pid=1, command="a", time=0),
            _step(0, "long"),
            _future_end(2, "a", 0, 2),
            WaitStart(name="a", time=9),
            Collected(name="a", rc=0, waited=0.0, time=9),
            _step(9, "last"),
            _end(10, cpu=1.0),
        ]
    )

    assert timing.critical_path == 10
    assert [part.name for part in timing.critical_steps] == ["p: long", "p: last"]
    assert (timing.wait, timing.background, timing.serial) == (0, 2, 12)


def test_critical_path_goes_through_waits_of_futures() -> None:
    # a: 0-4, then b: 4-9 as it waited for a; the main line works 1 s and waits 8 s.
    timing = _of(
        [
            _start(0),
            _step(0, "a", "async_run"),
            FutureStart(name="a", pid=1, command="a", time=0),
            _step(0, "first"),
            WaitStart(name="b", time=1),
            _future_end(4, "a", 0, 4),
            _step(4, "b", "async_run", ("a",)),
            FutureStart(name="b", pid=2, command="b", time=4),
            _future_end(9, "b", 4, 9),
            Collected(name="b", rc=0, waited=8.0, time=9),
            _end(9, cpu=1.0),
        ]
    )

    assert timing.critical_path == 9
    assert timing.critical_steps == (Stretch("a", 0, 4), Stretch("b", 4, 9))
    assert (timing.background, timing.wait, timing.serial) == (9, 8, 10)


def test_future_that_queued_counts_only_while_it_ran() -> None:
    timing = _of(
        [
            _start(0),
            FutureStart(name="a", pid=1, command="a", time=0),
            WaitStart(name="", time=0),
            _future_end(5, "a", 0, 5),
            WaitEnd(time=5),
            _end(5, cpu=1.0),
        ]
    )

    assert (timing.elapsed, timing.background, timing.wait, timing.serial) == (5, 5, 5, 5)
    assert timing.critical_steps == (Stretch("a", 0, 5),)


def test_wait_that_was_given_up_counts() -> None:
    timing = _of(
        [
            _start(0),
            FutureStart(name="a", pid=1, command="a", time=0),
            WaitStart(name="a", time=0),
            WaitEnd(time=2),
            WaitStart(name="a", time=3),
            _future_end(5, "a", 0, 5),
            Collected(name="a", rc=0, waited=2.0, time=5),
            _end(5, cpu=1.0),
        ]
    )

    assert (timing.background, timing.wait, timing.serial) == (5, 4, 6)
    assert timing.components == {"async_wait": 4}


def test_serial_run_has_no_background() -> None:
    timing = _of(
        [
            _start(0, parallel=False),
            _step(0, "a", "async_run"),
            FutureStart(name="a", pid=1, command="a", time=0),
            _future_end(5, "a", 0, 5),
            WaitStart(name="a", time=5),
            Collected(name="a", rc=0, waited=0.0, time=5),
            _end(6, cpu=1.0),
        ]
    )

    assert (timing.elapsed, timing.background, timing.wait, timing.serial) == (6, 0, 0, 6)
    assert timing.speedup == 1
    assert timing.critical_path == 6


def test_components_add_up_by_name() -> None:
    timing = _of(
        [
            _start(0),
            ComponentTime(component="dbsync", seconds=1.5, time=1),
            ComponentTime(component="pip", seconds=0.25, time=2),
            ComponentTime(component="dbsync", seconds=0.5, time=3),
            WaitStart("a", time=3.5),
            Collected("a", 0, waited=0.5, time=4),
            WaitStart("b", time=4.75),
            Collected("b", 0, waited=0.25, time=5),
            _end(6, cpu=1.0),
        ]
    )

    assert timing.components == {"dbsync": 2.0, "pip": 0.25, "async_wait": 0.75}


def test_killed_run_ends_with_its_last_event() -> None:
    timing = _of(ONE_FUTURE[:6])
    assert (timing.elapsed, timing.background, timing.wait, timing.cpu) == (5, 0, 0, 0)


def test_figures_for_machines_have_their_keys() -> None:
    figures = _of(ONE_FUTURE).as_dict()

    assert figures == {
        "elapsed": 13,
        "background": 10.0,
        "wait": 7.0,
        "serial": 16.0,
        "speedup": 1.231,
        "cpu": 15.0,
        "cores": 2,
        "critical_path": 13,
        "lower_bound": 13,
        "measured_speedup": None,
        "parallel": True,
        "critical_steps": [
            {"name": "p: first", "seconds": 2},
            {"name": "a", "seconds": 10.0},
            {"name": "p: last", "seconds": 1},
        ],
        "components": {"async_wait": 7.0},
    }
    assert json.loads(json.dumps(figures)) == figures


def test_measured_speedup_is_over_the_last_serial_run() -> None:
    timing = measure(record(ONE_FUTURE), serial_elapsed=26.0)
    assert timing.measured_speedup == 2
    assert timing.as_dict()["measured_speedup"] == 2


def _run(elapsed: float, *steps: str, parallel: bool = True, code: int = 0) -> list[Event]:
    return [
        _start(0, parallel=parallel),
        *(_step(0, name) for name in steps),
        _end(elapsed, cpu=1.0, code=code),
    ]


def test_last_serial_run_of_the_same_steps_is_found(tmp_path: Path) -> None:
    write_journal(tmp_path, "1", _run(50, "a", "b", parallel=False))
    write_journal(tmp_path, "2", _run(40, "a", "b", parallel=False))
    write_journal(tmp_path, "3", _run(30, "a", parallel=False))
    write_journal(tmp_path, "4", _run(20, "a", "b", parallel=False, code=1))
    write_journal(tmp_path, "5", _run(10, "a", "b"))
    write_journal(tmp_path, "6", _run(9, "a", "b", parallel=False)[:-1])
    run = record(_run(8, "b", "a"), "7")

    assert last_serial_elapsed(tmp_path, run) == 40


def test_no_serial_run_is_none(tmp_path: Path) -> None:
    run = record(_run(8, "a"), "1")
    assert last_serial_elapsed(tmp_path, run) is None
