"""What the parts of a run share: lines and warnings."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from doitstack.errors import StepError
from tests.unit.fake_run import FakeRun


@pytest.fixture
def run(tmp_path: Path) -> Iterator[FakeRun]:
    made = FakeRun(tmp_path)
    yield made
    made.close()


def test_warning_is_shown_and_recorded_once(run: FakeRun) -> None:
    for text in ("low disk", "old key", "low disk"):
        run.context.warn(text)
    run.context.say("go on")
    assert run.log.lines == ["WARNING: low disk", "WARNING: old key", "go on"]
    assert run.context.warnings == ["low disk", "old key"]
    assert [event["text"] for event in run.events] == ["low disk", "old key"]


def test_warning_may_be_an_error(run: FakeRun) -> None:
    with pytest.raises(StepError, match=r"^low disk$"):
        replace(run.context, warnings_as_errors=True).warn("low disk")
    assert run.log.lines == []
