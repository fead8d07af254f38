"""The lines below the output of a run: how they look."""

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

from doitstack.console.live_screen import Watch, render
from doitstack.journal.run_record import RunRecord, WaitRecord
from doitstack.journal.status import Status
from doitstack.journal.step_record import StepRecord
from doitstack.phases import Phase
from doitstack.planning.plan import PlannedStep
from doitstack.steps import Kind, async_run, run


def act(stack: object) -> None:
    """Stand for an action."""


PLAN = [
    PlannedStep(0, Phase.INSTALL, "demo", "t:first", run(act, name="first")),
    PlannedStep(1, Phase.INSTALL, "demo", "t:slow", async_run("slow", act)),
    PlannedStep(2, Phase.INSTALL, "demo", "t:last", run(act, name="last"), ("t:slow",)),
]

NO_HISTORY: Mapping[str, float] = {}


def _watch(tmp_path: Path, expected: Mapping[str, float] = NO_HISTORY) -> Watch:
    return Watch(
        journal=tmp_path / "journal",
        plan=lambda: PLAN,
        expected=expected,
        now=lambda: 100.0,
        main_log=tmp_path / "logs" / "stack.log",
        future_logs=tmp_path / "async",
    )


def _step(name: str, start: float, kind: Kind = Kind.RUN) -> StepRecord:
    return StepRecord(
        name,
        kind,
        Status.RUNNING,
        declared=start,
        start=start,
        end=start,
        phase="stack install",
        plugin="demo",
        task=f"t:{name}",
    )


def _future(name: str, start: float, status: Status = Status.RUNNING) -> StepRecord:
    return replace(_step(name, start, Kind.ASYNC_RUN), status=status)


BAD = replace(_future("bad", 80.0, Status.FAILED), end=85.0, rc=7)


def _run(*futures: StepRecord, step: str = "first") -> RunRecord:
    """Return a run of these futures and a step that have begun."""
    current = _step(step, 88.0)
    return RunRecord("now", start=5.0, steps=[current, *futures], current=current)


def _shown(run: RunRecord, watch: Watch, columns: int = 80, lines: int = 24) -> list[str]:
    """Return the lines without their colours."""
    drawn = render(run, watch, os.terminal_size((columns, lines)))
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line.text) for line in drawn]
    assert [cell_len(text) for text in plain] == [line.cells for line in drawn]
    assert all(line.cells < columns for line in drawn)
    return [text.rstrip() for text in plain]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_main_line_futures_and_sum_are_shown(tmp_path: Path) -> None:
    now = _run(
        _future("slow", 30.0),
        BAD,
        _future("done", 80.0, Status.DONE),
        _future("later", 81.0, Status.QUEUED),
        _future("latest", 82.0, Status.QUEUED),
    )
    expected = {"t:first": 20.0, "slow": 95.0, "t:last": 5.0}
    assert _shown(now, _watch(tmp_path, expected)) == [
        "-" * 79,
        "stack install  demo: first  12 s (last 20 s)",
        "  bad   5 s   FAILED (7)  async/bad.log",
        "  slow  1:10  last 1:35   async/slow.log",
        "  2 queued: later, latest",
        "0/3 steps, 1:35 gone, about 1:40 left, log logs/stack.log",
    ]


def test_nothing_is_shown_of_a_missing_history(tmp_path: Path) -> None:
    now = _run(_future("slow", 88.0))
    assert _shown(now, _watch(tmp_path)) == [
        "-" * 79,
        "stack install  demo: first  12 s",
        "  slow  12 s  async/slow.log",
        "0/3 steps, 1:35 gone, log logs/stack.log",
    ]
    partly = _shown(now, _watch(tmp_path, {"t:last": 5.0}))
    assert partly[-1] == "0/3 steps, 1:35 gone, at least 5 s left, log logs/stack.log"


@pytest.mark.parametrize(
    ("name", "told"), [("slow", "waiting for slow"), ("", "waiting for the next future")]
)
def test_wait_of_the_main_line_is_shown(tmp_path: Path, name: str, told: str) -> None:
    before = replace(_step("before", 5.0), phase="stack extra", status=Status.DONE)
    now = RunRecord("now", start=5.0, steps=[before], wait=WaitRecord(name, 97.0, 97.0))
    assert _shown(now, _watch(tmp_path))[1] == f"stack extra  {told}  3 s"


def test_run_that_has_only_begun_is_shown(tmp_path: Path) -> None:
    watch = Watch(tmp_path, list, {}, lambda: 5.0, tmp_path / "stack.log", tmp_path)
    assert _shown(RunRecord("now", start=5.0), watch)[1:] == ["start", "0 s gone, log stack.log"]


def test_more_futures_than_lines_are_counted(tmp_path: Path) -> None:
    many = [_future(f"f{number}", 99.0) for number in range(40)]
    queued = [_future(f"q{number}", 99.0, Status.QUEUED) for number in range(40)]
    lines = _shown(_run(*many, *queued), _watch(tmp_path))
    assert len(lines) == 12
    assert [line.split()[0] for line in lines[2:9]] == [f"f{number}" for number in range(7)]
    assert lines[9].startswith("  and 33 more: f7, f8, f9, ")
    assert lines[10].startswith("  40 queued: q0, q1, ")
    assert lines[11].startswith("0/3 steps")


@pytest.mark.parametrize("lines", range(1, 30))
@pytest.mark.parametrize("columns", [1, 2, 3, 10, 20, 40, 59, 60, 61, 80, 200])
def test_lines_fit_any_terminal(tmp_path: Path, columns: int, lines: int) -> None:
    futures = [
        *(_future("ü漢" * 10 + str(number), 99.0) for number in range(9)),
        BAD,
        *(_future(f"queued_{number}", 99.0, Status.QUEUED) for number in range(9)),
    ]
    drawn = render(
        _run(*futures),
        _watch(tmp_path, {"slow": 1.0, "bad": 3.0}),
        os.terminal_size((columns, lines)),
    )
    assert 1 <= len(drawn) <= max(1, lines // 2)
    assert all(line.cells <= max(1, columns - 1) for line in drawn)
    assert all("\n" not in line.text for line in drawn)


def test_narrow_terminal_shows_times_before_logs_and_ends_of_names(tmp_path: Path) -> None:
    now = _run(
        _future("slow", 88.0),
        _future("slow-with-a-name-that-goes-on", 30.0),
        step="first-with-a-name-that-goes-on",
    )
    watch = _watch(tmp_path, {"slow": 95.0})
    for columns, expected in {
        70: [
            "stack install  demo: first-with-a-name-that-goes-on  12 s",
            "  slow                           12 s  last 1:35  async/slow.log",
            "  slow-with-a-name-that-goes-on  1:10",
        ],
        40: [
            "stack install  demo: first-with-a…  12 s",
            "  slow                   12 s  last 1:35",
            "  slow-with-a-name-tha…  1:10",
        ],
    }.items():
        shown = _shown(now, watch, columns=columns + 1)
        assert [len(line) <= columns for line in shown] == [True] * len(shown)
        assert shown[1:4] == expected


def test_colours_are_left_out_if_they_are_disabled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    now = _run(BAD)
    size = os.terminal_size((80, 24))
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[31m  bad  5 s  FAILED" in "".join(
        line.text for line in render(now, _watch(tmp_path), size)
    )
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31m" not in "".join(line.text for line in render(now, _watch(tmp_path), size))
