"""The states of steps and futures."""

import pytest

from doitstack.journal.status import UNTOUCHED, RecordedState, Status


def test_work_was_done_for_what_started() -> None:
    started = {Status.RUNNING, Status.DONE, Status.FAILED, Status.STOPPED}
    assert set(Status) - UNTOUCHED == started


@pytest.mark.parametrize("state", RecordedState)
def test_future_is_over_unless_it_queues_or_runs(state: RecordedState) -> None:
    assert state.is_over == (state.value not in ("queued", "running"))
