"""A run as Chrome trace events."""

import json
from typing import Any

from doitstack.journal.events import Usage
from doitstack.reports.chrome_trace import trace
from tests.unit.runs import ONE_FUTURE, record, run_end, run_start, step, step_skipped


def _events(text: str, kind: str) -> list[dict[str, Any]]:
    return [event for event in json.loads(text)["traceEvents"] if event["ph"] == kind]


def test_main_line_waits_and_futures_have_tracks_of_their_own() -> None:
    text = trace(record(ONE_FUTURE))

    names = {e["tid"]: e["args"]["name"] for e in _events(text, "M") if e["name"] == "thread_name"}
    assert names == {1: "main line", 2: "main line waits", 3: "a"}
    assert [(e["tid"], e["name"], e["ts"], e["dur"]) for e in _events(text, "X")] == [
        (1, "first", 0, 2_000_000),
        (1, "second", 2_000_000, 3_000_000),
        (1, "async_wait-a", 5_000_000, 7_000_000),
        (1, "last", 12_000_000, 1_000_000),
        (2, "wait for a", 5_000_000, 7_000_000),
        (3, "a", 2_000_000, 10_000_000),
    ]


def test_arrow_leads_from_the_end_of_a_future_to_its_wait() -> None:
    text = trace(record(ONE_FUTURE))
    (begin,), (end,) = _events(text, "s"), _events(text, "f")
    assert begin["id"] == end["id"]
    # It begins inside of the future's slice, and ends where that was collected.
    assert (begin["tid"], begin["ts"]) == (3, 11_999_999)
    assert (end["tid"], end["ts"], end["bp"]) == (1, 12_000_000, "e")


def test_counters_tell_of_concurrency_and_processors() -> None:
    samples = [Usage(cpu=0.5, machine=7.0, time=1), Usage(cpu=1.5, machine=11.0, time=3)]
    text = trace(record([run_start(0), *samples, run_end(4)]))
    assert [(e["name"], e["ts"], e["args"]["value"]) for e in _events(text, "C")] == [
        ("running at once", 0, 1),
        ("running at once", 4_000_000, 0),
        ("processors used by the run", 1_000_000, 0.5),
        ("processors used by the run", 3_000_000, 0),
        ("processors busy", 1_000_000, 2),
        ("processors busy", 3_000_000, 0),
    ]


def test_slice_has_the_facts_of_its_step() -> None:
    text = trace(record(ONE_FUTURE))
    assert _events(text, "X")[-1]["args"] == {
        "plugin": "p",
        "phase": "stack install",
        "status": "done",
        "rc": 0,
        "cpu": 9.0,
        "command": "make_a",
    }


def test_what_was_not_run_has_no_slice() -> None:
    run = record([run_start(0), step(1, "a", "async_run"), step_skipped(1, "b"),
                  run_end(2)])  # fmt: skip
    assert _events(trace(run), "X") == []
