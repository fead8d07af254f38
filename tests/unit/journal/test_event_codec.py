"""Events as lines of JSON."""

import json
from typing import Any

import pytest

from doitstack.config.masking import Mask
from doitstack.journal import event_codec
from doitstack.journal.event_codec import decode, encode, masked
from doitstack.journal.events import (
    Collected,
    ComponentTime,
    Event,
    FutureCancelled,
    FutureEnd,
    FutureQueued,
    FutureStart,
    FutureStopped,
    RunEnd,
    RunStart,
    StepEnd,
    StepNotRun,
    StepSkipped,
    StepStart,
    Usage,
    WaitEnd,
    WaitStart,
    Warned,
)
from doitstack.journal.status import Status
from doitstack.steps import Kind

STEP: Any = {
    "task": "stack:install:p:a",
    "phase": "stack install",
    "plugin": "p",
    "step": "a",
    "kind": Kind.ASYNC_RUN,
    "waits": ("b",),
    "needs": ("stack:install:p:before",),
}
STEP_LINE = {**STEP, "kind": "async_run", "waits": ["b"], "needs": ["stack:install:p:before"]}

LINES: list[tuple[Event, dict[str, Any]]] = [
    (
        RunStart(tasks=("stack",), pid=7, parallel=False, jobs=3, cores=2),
        {
            "event": "run_start",
            "tasks": ["stack"],
            "pid": 7,
            "parallel": False,
            "jobs": 3,
            "cores": 2,
        },
    ),
    (RunEnd(code=1, cpu=2.5), {"event": "run_end", "code": 1, "cpu": 2.5}),
    (Warned("kye"), {"event": "warning", "text": "kye"}),
    (Usage(1.25, 80.5), {"event": "usage", "cpu": 1.25, "machine": 80.5}),
    (
        ComponentTime("db_sync", 1.234),
        {"event": "time", "component": "db_sync", "milliseconds": 1234},
    ),
    (StepStart(**STEP, log=0), {"event": "step_start", **STEP_LINE, "log": 0}),
    (StepStart(**STEP), {"event": "step_start", **STEP_LINE}),
    (StepSkipped(**STEP), {"event": "step_skipped", **STEP_LINE}),
    (StepNotRun(**STEP), {"event": "step_not_run", **STEP_LINE}),
    (
        StepEnd("t", Status.DONE, 0),
        {"event": "step_end", "task": "t", "status": "done", "log": 0, "error": None},
    ),
    (
        StepEnd("t", Status.FAILED, 9, "future a: failed", "a"),
        {
            "event": "step_end",
            "task": "t",
            "status": "failed",
            "log": 9,
            "error": "future a: failed",
            "future": "a",
        },
    ),
    (
        FutureQueued("a", "make it", "pip"),
        {"event": "future_queued", "name": "a", "command": "make it", "lock": "pip"},
    ),
    (
        FutureStart("a", 12, "make it"),
        {"event": "future_start", "name": "a", "pid": 12, "command": "make it"},
    ),
    (
        FutureStart("a", 0, "make it", "pip"),
        {"event": "future_start", "name": "a", "pid": 0, "command": "make it", "lock": "pip"},
    ),
    (
        FutureEnd("ümlaut\n", 0, start_time=1700000000.001, end_time=1700000001.5, cpu=0.5),
        {
            "event": "future_end",
            "name": "ümlaut\n",
            "rc": 0,
            "start_time": 1700000000001,
            "end_time": 1700000001500,
            "cpu": 0.5,
            "error": None,
        },
    ),
    (FutureStopped("a"), {"event": "future_stopped", "name": "a"}),
    (FutureCancelled("a"), {"event": "future_cancelled", "name": "a"}),
    (WaitStart("a"), {"event": "wait_start", "name": "a"}),
    (WaitEnd(), {"event": "wait_end"}),
    (
        Collected("a", 3, 1.5, (10, 20)),
        {"event": "collected", "name": "a", "rc": 3, "waited": 1.5, "log": [10, 20]},
    ),
    (
        Collected("a", 0),
        {"event": "collected", "name": "a", "rc": 0, "waited": 0.0, "log": None},
    ),
]


@pytest.mark.parametrize(("event", "line"), LINES, ids=[line["event"] for _, line in LINES])
def test_event_is_a_line_of_json(event: Event, line: dict[str, Any]) -> None:
    written = encode(event, 1700000000.12347)

    assert written.endswith(b"\n")
    assert json.loads(written) == {"time": 1700000000.1235, **line}
    assert list(json.loads(written))[:2] == ["time", "event"]
    read = decode(written)
    assert read
    assert vars(read) == {**vars(event), "time": 1700000000.1235}
    assert type(read) is type(event)


def test_numbers_are_rounded() -> None:
    line = json.loads(encode(Collected("a", 0, waited=1.23456789), 0.0))
    assert line["waited"] == 1.2346


def test_line_of_an_older_version_gets_defaults() -> None:
    assert decode(b'{"time": 1, "event": "run_start"}') == RunStart(time=1.0)
    assert decode(b'{"time": 1, "event": "step_start", "task": "t"}') == StepStart("t", time=1.0)


def test_unknown_fields_are_skipped() -> None:
    assert decode(b'{"time": 1, "event": "wait_end", "x": [1]}') == WaitEnd(time=1.0)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"1",
        b"null",
        b"{}",
        b"[]",
        b'"run_start"',
        b"rubbish",
        b"\0\xff",
        b'{"time": 1, "event": "wait_start", "name": "\xff"}',
        b"[" * 100_000,
        b'{"time": 1, "event": "other"}',
        b'{"time": 1, "event": []}',
        b'{"time": 1, "event": null}',
        b'{"event": "wait_end"}',
        b'{"time": null, "event": "wait_end"}',
        b'{"time": "1", "event": "wait_end"}',
        b'{"time": 1, "event": "run_end"}',
        b'{"time": 1, "event": "run_end", "code": "0"}',
        b'{"time": 1, "event": "step_start", "task": "t", "kind": "other"}',
        b'{"time": 1, "event": "step_start", "task": "t", "waits": [["a"]]}',
        b'{"time": NaN, "event": "wait_end"}',
        b'{"time": 1e999, "event": "wait_end"}',
        b'{"time": 1, "event": "time", "component": "a", "milliseconds": 1%s}' % (b"0" * 400),
        b'{"time": 1, "event": "collected", "name": "f", "rc": 0, "log": [1, 99999999999999]}',
        b'{"time": 1, "event": "collected", "name": "f", "rc": 0, "log": [1]}',
        b'{"time": 1, "event": "collected", "name": "f", "rc": 0, "log": ["1", 2]}',
        b'{"time": 1, "event": "step_end", "task": "t", "status": "other"}',
    ],
    ids=lambda line: line[:60].decode(errors="replace"),
)
def test_damaged_or_unknown_line_has_no_event(line: bytes) -> None:
    assert decode(line) is None


def test_line_that_begins_as_none_of_ours_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    parse = event_codec._from_json
    monkeypatch.setattr(event_codec, "_from_json", lambda text: parsed.append(text) or parse(text))
    ours = encode(WaitEnd(), 1.0)

    events = [*map(decode, [b"\n", b"{\n", b"{}\n", b"x\n", ours])]

    assert events == [None] * 4 + [WaitEnd(time=1.0)]
    assert parsed == [ours.decode()]


@pytest.mark.parametrize(
    ("secret", "command", "masked_command"),
    [
        ("hunter22", 'true "hunter22"', 'true "********"'),
        ("command", "command", "*******"),
        ("future_start", "f", "f"),
        ('it\'s "x"', 'a it\'s "x" b', "a ********** b"),
        ("names", "two\names", "*" * 9),
    ],
)
def test_masked_line_has_the_same_structure(secret: str, command: str, masked_command: str) -> None:
    line = encode(FutureStart("hunter22", 7, command), 1.0)
    new = masked(line, Mask([secret]).data)
    event = decode(new)
    assert isinstance(event, FutureStart)
    assert (event.name, event.command) == ("hunter22", masked_command)
    assert len(new) == len(line)
