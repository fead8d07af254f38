"""A run as JUnit XML."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from doitstack.journal.events import Event, FutureCancelled, FutureStopped, Usage
from doitstack.reports.junit import junit
from doitstack.reports.log_excerpts import RunLogs
from tests.unit.runs import (
    future_end,
    future_start,
    record,
    run_end,
    run_start,
    step,
    step_end,
    step_not_run,
    step_skipped,
)

# The elements of Jenkins, GitLab, Zuul's reporters and the usual schema (junit-10.xsd).
KNOWN = {
    "testsuites": {"name", "time", "tests", "failures", "errors", "disabled"},
    "testsuite": {"name", "time", "tests", "failures", "errors", "skipped", "timestamp"},
    "testcase": {"name", "classname", "time"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
    "skipped": {"message"},
}
INSIDE = {
    "testsuites": {"testsuite"},
    "testsuite": {"testcase"},
    "testcase": {"failure", "error", "skipped"},
}

EVENTS = [
    run_start(1_000_000_000),
    step_skipped(1_000_000_000, "good"),
    step(1_000_000_000, "fine", log=0),
    step_end(1_000_000_002, "fine", log=6),
    step(1_000_000_002, "a", "async_run"),
    future_start(1_000_000_002, "a"),
    step(1_000_000_002, "b", "async_run"),
    step(1_000_000_002, "broken", log=6),
    step_end(1_000_000_005, "broken", "failed", log=30, error="it <broke> & \x1b[31mred\x1b[0m"),
    FutureCancelled(name="b", time=1_000_000_005),
    future_end(1_000_000_005, "a", 1_000_000_002, 1_000_000_005, rc=143),
    FutureStopped(name="a", time=1_000_000_005),
    step_not_run(1_000_000_005, "late"),
    run_end(1_000_000_006, code=1),
]


@pytest.fixture
def logs(tmp_path: Path) -> RunLogs:
    (tmp_path / "stack.log").write_text("fine!\nlast words \x00of <it>\n")
    return RunLogs(tmp_path / "stack.log", None)


def _suite(events: list[Event], logs: RunLogs) -> ElementTree.Element:
    root = ElementTree.fromstring(junit(record(events), logs))
    _check_shape(root)
    (suite,) = root
    return suite


def _check_shape(element: ElementTree.Element) -> None:
    assert set(element.attrib) <= KNOWN[element.tag]
    assert {child.tag for child in element} <= INSIDE.get(element.tag, set())
    for name in {"tests", "failures", "errors", "skipped"} & set(element.attrib):
        what = {"tests": "testcase", "failures": "failure", "errors": "error"}.get(name, name)
        assert int(element.attrib[name]) == sum(1 for _ in element.iter(what))
    if "time" in element.attrib:
        assert float(element.attrib["time"]) >= 0
    for child in element:
        _check_shape(child)


def test_there_is_a_case_for_each_step_and_future(logs: RunLogs) -> None:
    suite = _suite(EVENTS, logs)

    assert suite.attrib == {
        "name": "doit stack",
        "tests": "6",
        "failures": "1",
        "errors": "0",
        "skipped": "4",
        "time": "6.000",
        "timestamp": "2001-09-09T01:46:40",
    }
    cases = [(case.get("classname"), case.get("name"), case.get("time")) for case in suite]
    assert cases == [
        ("stack-install.p", "good", "0.000"),
        ("stack-install.p", "fine", "2.000"),
        ("stack-install.p", "a", "3.000"),
        ("stack-install.p", "b", "0.000"),
        ("stack-install.p", "broken", "3.000"),
        ("stack-install.p", "late", "0.000"),
    ]
    skipped = {case.get("name"): case[0].get("message") for case in suite if case.find("skipped")
               is not None}  # fmt: skip
    assert skipped == {
        "good": "up to date",
        "a": "stopped, as the run ended",
        "b": "not run: the run ended while it queued",
        "late": "not run: the run ended before its turn",
    }


def test_failure_has_its_message_and_the_end_of_its_output(logs: RunLogs) -> None:
    failure = _suite(EVENTS, logs).find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "it <broke> & red"
    assert failure.text == "last words ?of <it>"


def test_run_that_was_interrupted_has_an_error(logs: RunLogs) -> None:
    suite = _suite([run_start(0), run_end(1, code=143)], logs)
    (case,) = suite
    assert case[0].get("message") == "the run ended with code 143"


def test_step_without_an_end_is_an_error(logs: RunLogs) -> None:
    (case,) = _suite([run_start(0), step(0, "lost"), Usage(cpu=1, time=3)], logs)
    assert case[0].tag == "error"
    assert case.get("time") == "3.000"
