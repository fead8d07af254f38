"""From events to figures; every figure here was worked out by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from doitstack.journal.raw_events import Event
from doitstack.journal.timing import Stretch, Timing, last_serial_elapsed, measure


def _event(time: float, kind: str, /, **fields: Any) -> Event:
    return Event(time, kind, fields)


def _start(time: float, parallel: bool = True, cores: int = 2) -> Event:
    return _event(time, "run_start", parallel=parallel, cores=cores, tasks=["stack"])


def _step(time: float, name: str, kind: str = "run", waits: tuple[str, ...] = ()) -> Event:
    return _event(
        time, "step_start", task=f"t:{name}", plugin="p", step=name, kind=kind, waits=list(waits)
    )


def _future_end(time: float, name: str, start: float, end: float) -> Event:
    return _event(
        time, "future_end", name=name, rc=0, cpu=0.0, start_time=start * 1000, end_time=end * 1000
    )


def _end(time: float, cpu: float, code: int = 0) -> Event:
    return _event(time, "run_end", code=code, cpu=cpu)


# The main line works 2 s, starts a future of 10 s, works 3 s beside it, and waits for 7 s.
ONE_FUTURE = [
    _start(100),
    _step(100, "first"),
    _step(102, "a", "async_run"),
    _event(102, "future_start", name="a", pid=1, command="a"),
    _step(102, "second"),
    _event(105, "wait_start", name="a"),
    _future_end(112, "a", 102, 112),
    _event(112, "collected", name="a", rc=0, waited=7.0),
    _step(112, "last"),
    _end(113, cpu=15.0),
]


def _of(events: list[Event]) -> Timing:
    timing = measure(events)
    assert timing
    return timing


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
            _event(0, "future_start", name="a", pid=1, command="a"),
            _step(0, "long"),
            _future_end(2, "a", 0, 2),
            _event(9, "wait_start", name="a"),
            _event(9, "collected", name="a", rc=0, waited=0.0),
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
            _event(0, "future_start", name="a", pid=1, command="a"),
            _step(0, "first"),
            _event(1, "wait_start", name="b"),
            _future_end(4, "a", 0, 4),
            _step(4, "b", "async_run", ("a",)),
            _event(4, "future_start", name="b", pid=2, command="b"),
            _future_end(9, "b", 4, 9),
            _event(9, "collected", name="b", rc=0, waited=8.0),
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
            _event(0, "future_start", name="a", pid=1, command="a"),
            _event(0, "wait_start", name=""),
            _future_end(5, "a", 0, 5),
            _event(5, "wait_end"),
            _end(5, cpu=1.0),
        ]
    )

    assert (timing.elapsed, timing.background, timing.wait, timing.serial) == (5, 5, 5, 5)
    assert timing.critical_steps == (Stretch("a", 0, 5),)


def test_wait_that_was_given_up_counts() -> None:
    timing = _of(
        [
            _start(0),
            _event(0, "future_start", name="a", pid=1, command="a"),
            _event(0, "wait_start", name="a"),
            _event(2, "wait_end"),
            _event(3, "wait_start", name="a"),
            _future_end(5, "a", 0, 5),
            _event(5, "collected", name="a", rc=0, waited=2.0),
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
            _event(0, "future_start", name="a", pid=1, command="a"),
            _future_end(5, "a", 0, 5),
            _event(5, "wait_start", name="a"),
            _event(5, "collected", name="a", rc=0, waited=0.0),
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
            _event(1, "time", component="dbsync", milliseconds=1500),
            _event(2, "time", component="pip", milliseconds=250),
            _event(3, "time", component="dbsync", milliseconds=500),
            _event(4, "collected", name="a", rc=0, waited=0.5),
            _event(5, "collected", name="b", rc=0, waited=0.25),
            _end(6, cpu=1.0),
        ]
    )

    assert timing.components == {"dbsync": 2.0, "pip": 0.25, "async_wait": 0.75}


def test_killed_run_ends_with_its_last_event() -> None:
    timing = _of(ONE_FUTURE[:6])
    assert (timing.elapsed, timing.background, timing.wait, timing.cpu) == (5, 0, 0, 0)


def test_run_without_a_start_has_no_figures() -> None:
    assert measure([]) is None
    assert measure(ONE_FUTURE[1:]) is None


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
    timing = measure(ONE_FUTURE, serial_elapsed=26.0)
    assert timing
    assert timing.measured_speedup == 2
    assert timing.as_dict()["measured_speedup"] == 2


def _record(log_dir: Path, name: str, events: list[Event]) -> Path:
    path = log_dir / "runs" / f"{name}.jsonl"
    path.parent.mkdir(exist_ok=True)
    lines = [json.dumps({"time": e.time, "event": e.kind, **e.fields}) for e in events]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def _run(elapsed: float, *steps: str, parallel: bool = True, code: int = 0) -> list[Event]:
    return [
        _start(0, parallel=parallel),
        *(_step(0, name) for name in steps),
        _end(elapsed, cpu=1.0, code=code),
    ]


def test_last_serial_run_of_the_same_steps_is_found(tmp_path: Path) -> None:
    _record(tmp_path, "1", _run(50, "a", "b", parallel=False))
    _record(tmp_path, "2", _run(40, "a", "b", parallel=False))
    _record(tmp_path, "3", _run(30, "a", parallel=False))
    _record(tmp_path, "4", _run(20, "a", "b", parallel=False, code=1))
    _record(tmp_path, "5", _run(10, "a", "b"))
    _record(tmp_path, "6", _run(9, "a", "b", parallel=False)[:-1])
    run = _record(tmp_path, "7", _run(8, "b", "a"))

    assert last_serial_elapsed(tmp_path, run) == 40


def test_no_serial_run_is_none(tmp_path: Path) -> None:
    run = _record(tmp_path, "1", _run(8, "a"))
    assert last_serial_elapsed(tmp_path, run) is None
