"""What earlier runs let the next one expect."""

import json
from pathlib import Path
from typing import Any

from doitstack.journal.durations import last_durations


def _journal(log_dir: Path, run: str, *events: dict[str, Any]) -> None:
    (log_dir / "runs").mkdir(exist_ok=True)
    start = {"time": 0.0, "event": "run_start"}
    lines = "".join(json.dumps(event) + "\n" for event in (start, *events))
    (log_dir / "runs" / f"{run}.jsonl").write_text(lines)


def _step(task: str, start: float, end: float, status: str = "done") -> list[dict[str, Any]]:
    return [
        {"time": start, "event": "step_start", "task": task},
        {"time": end, "event": "step_end", "task": task, "status": status},
    ]


def _future(name: str, milliseconds: int, rc: int = 0) -> dict[str, Any]:
    return {
        "time": 9.0,
        "event": "future_end",
        "name": name,
        "rc": rc,
        "start_time": 1000,
        "end_time": 1000 + milliseconds,
    }


def test_later_runs_replace_figures_of_earlier_ones(tmp_path: Path) -> None:
    _journal(tmp_path, "1", *_step("t:a", 0, 5), *_step("t:b", 5, 7), _future("f", 1500))
    _journal(tmp_path, "2", *_step("t:a", 0, 2), _future("f", 2500))

    assert last_durations(tmp_path) == {"t:a": 2.0, "t:b": 2.0, "f": 2.5}


def test_what_failed_or_was_stopped_does_not_count(tmp_path: Path) -> None:
    _journal(tmp_path, "1", *_step("t:a", 0, 5), _future("f", 1500))
    _journal(tmp_path, "2", *_step("t:a", 0, 1, "failed"), _future("f", 10, rc=143))

    assert last_durations(tmp_path) == {"t:a": 5.0, "f": 1.5}


def test_no_run_yet(tmp_path: Path) -> None:
    assert last_durations(tmp_path) == {}


def test_wait_is_no_work(tmp_path: Path) -> None:
    start, end = _step("t:async_wait", 0, 5)
    _journal(tmp_path, "1", start | {"kind": "async_wait"}, end)

    assert last_durations(tmp_path) == {}
