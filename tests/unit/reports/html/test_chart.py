"""A run as geometry: in percent of a run of 10 s or 100 s, so that one can see it."""

import pytest

from doitstack.journal.events import Usage, WaitStart
from doitstack.journal.timing import measure
from doitstack.reports.html.chart import Bar, Chart, chart_of, tick_length
from tests.unit.runs import (
    collected,
    future_end,
    future_start,
    record,
    run_end,
    run_start,
    step,
    step_end,
)

# a is declared at 1, queues until 2, ends at 6, is waited for from 4 and collected at 6; b ends at
# 3 and is collected at 8.
EVENTS = [
    run_start(0),
    step(0, "first"),
    step_end(1, "first"),
    step(1, "a", "async_run"),
    step(1, "b", "async_run"),
    future_start(1, "b"),
    future_start(2, "a"),
    step(2, "second", phase="stack extra"),
    future_end(3, "b", 1, 3),
    step_end(4, "second"),
    WaitStart(name="a", time=4),
    future_end(6, "a", 2, 6, rc=1),
    collected(6, "a", 2.0, rc=1),
    step(6, "third", phase="stack extra"),
    step_end(8, "third", "failed"),
    WaitStart(name="b", time=8),
    collected(8, "b", 0.0),
    run_end(10, code=1),
]


def _chart() -> Chart:
    timing = measure(record(EVENTS))
    return chart_of(record(EVENTS), timing.critical_steps)


def _places(bars: tuple[Bar, ...], *kinds: str) -> list[tuple[str, float, float]]:
    return [(bar.kind, bar.left, bar.width) for bar in bars if bar.kind in kinds]


def test_main_line_has_its_steps_and_waits() -> None:
    row = _chart().main_line
    assert _places(row.bars, "run", "failed", "wait") == [
        ("run", 0, 10),
        ("run", 20, 20),
        ("failed", 60, 20),
        ("wait", 40, 20),
    ]
    assert row.detail == "waits 2.0 s"
    assert [(bar.label, bar.step) for bar in row.bars if bar.kind == "run"] == [
        ("first", 0),
        ("second", 3),
    ]


def test_future_is_held_up_by_another() -> None:
    events = [
        run_start(0),
        step(0, "first"),
        step_end(2, "first"),
        step(2, "a", "async_run", needs=("stack:install:p:first",)),
        future_start(2, "a"),
        future_end(6, "a", 2, 5),
        step(
            6, "b", "async_run", waits=("a",), needs=("stack:install:p:first", "stack:install:p:a")
        ),
        future_start(7, "b"),
        future_end(9, "b", 7, 9),
        run_end(10),
    ]
    a, b = chart_of(record(events), ()).futures
    assert _places(a.bars, "held") == []
    assert _places(b.bars, "held", "queue", "future") == [
        ("held", 20, 30),
        ("queue", 50, 20),
        ("future", 70, 20),
    ]
    assert b.bars[0].title == "b waits for a"


def test_future_queues_runs_is_waited_for_and_collected() -> None:
    a, b = _chart().futures
    assert (a.label, a.detail, a.step) == ("a", "4.0 s", 1)
    assert _places(a.bars, "queue", "failed", "waited", "ended") == [
        ("queue", 10, 10),
        ("failed", 20, 40),
        ("waited", 40, 20),
    ]
    assert _places(b.bars, "queue", "future", "waited", "ended") == [
        ("ended", 30, 50),
        ("future", 10, 20),
    ]


def test_critical_path_is_marked_where_it_was() -> None:
    chart = _chart()
    a, b = chart.futures
    # first and second up to 2, where a starts; a until 6; the rest of the main line until 10
    assert _places(a.bars, "critical") == [("critical", 20, 40)]
    assert _places(b.bars, "critical") == []
    assert _places(chart.main_line.bars, "critical") == [
        ("critical", 0, 20),
        ("critical", 60, 40),
    ]


def test_phases_lie_side_by_side() -> None:
    assert [(bar.label, bar.left, bar.width) for bar in _chart().phases] == [
        ("stack install", 0, 20),
        ("stack extra", 20, 80),
    ]


def test_curve_of_concurrency_goes_in_steps() -> None:
    (curve,) = _chart().curves
    # 1 until 1 s, 2 until 2 s, 3 until 3 s, 2 until 4 s, 1 until 10 s: from the top, of 3
    assert curve.top == 3
    assert curve.area == ("M0 66.667H100V33.333H200V0H300V33.333H400V66.667H1000V100H0Z")
    assert "at most 3, 1.4 on average" in curve.about


def test_curves_of_processors_stay_below_their_top() -> None:
    samples = [(0, 0.0, 10.0), (5, 5.0, 25.0), (10, 20.0, 30.0)]
    events = [Usage(cpu=cpu, machine=busy, time=time) for time, cpu, busy in samples]
    run = record([run_start(0), *events, run_end(10)])
    _, curve = chart_of(run, ()).curves
    # the run: 1 and 3 processors; the machine: 3 and 1; two cores
    assert curve.top == 3
    assert curve.level == 33.33
    assert curve.area == "M0 66.667H500V0H1000V100H0Z"
    assert curve.line == "M0 0H500V66.667H1000"


def test_moment_between_two_steps_makes_no_slit_in_the_curve() -> None:
    events = [
        run_start(0),
        future_start(0, "a"),
        future_end(50, "a", 0, 50),
        future_start(50.01, "b"),
        future_end(99, "b", 50.01, 99),
        run_end(100),
    ]
    (curve,) = chart_of(record(events), ()).curves
    assert curve.area == "M0 0H500.1V0H990V50H1000V100H0Z"


@pytest.mark.parametrize(
    ("elapsed", "every"),
    [
        (0.05, 0.01),
        (1, 0.1),
        (9, 1),
        (19.2, 2),
        (95, 10),
        (400, 60),
        (6 * 3600, 3600),
        (90000, 10800),
    ],
)
def test_ticks_are_round_and_not_too_many(elapsed: float, every: float) -> None:
    assert tick_length(elapsed) == every


def test_ticks_have_their_places() -> None:
    ticks = chart_of(record([run_start(0), run_end(150)]), ()).ticks
    assert [(tick.label, tick.left) for tick in ticks[:3]] == [
        ("0 s", 0),
        ("15 s", 10),
        ("30 s", 20),
    ]
    assert ticks[4].label == "1:00"
    long = chart_of(record([run_start(0), run_end(7200)]), ()).ticks
    assert [tick.label for tick in long[:6]] == ["0 min", "15 min", "30 min", "45 min", "1 h 00",
                                                 "1 h 15"]  # fmt: skip


def test_run_of_no_length_has_a_chart() -> None:
    assert chart_of(record([run_start(0), run_end(0)]), ()).ticks == ()
