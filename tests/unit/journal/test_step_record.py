"""What is known of one step."""

from dataclasses import replace

import pytest

from doitstack.journal.status import Status
from doitstack.journal.step_record import StepRecord
from doitstack.steps import Kind

STEP = StepRecord("a", Kind.RUN, Status.DONE, declared=1.0, start=2.0, end=4.5, plugin="p")
FUTURE = replace(STEP, kind=Kind.ASYNC_RUN, rc=0)


def test_step_has_a_length_and_a_label() -> None:
    assert (STEP.seconds, STEP.label) == (2.5, "p: a")
    assert not STEP.is_future


def test_future_that_could_not_be_started_has_not_ended_in_the_background() -> None:
    assert FUTURE.is_future
    assert FUTURE.ended_in_background
    assert not replace(FUTURE, rc=None, status=Status.FAILED).ended_in_background
    assert not replace(STEP, rc=0).ended_in_background


@pytest.mark.parametrize("status", [Status.QUEUED, Status.UP_TO_DATE, Status.NOT_RUN])
def test_no_work_was_done_for_what_had_no_turn(status: Status) -> None:
    assert not replace(STEP, status=status).was_run
