"""The campaigns of signals, the clock and long use in short forms; see docs/reliability.md."""

import uuid

import pytest

from tests.campaign import clock, kills, long
from tests.campaign.signals import Campaign
from tests.conftest import MakeStackDir


@pytest.mark.parametrize(("seed", "rounds"), [(1, 1), pytest.param(2, 8, marks=pytest.mark.full)])
def test_storms_of_signals_leave_nothing(stack_dir: MakeStackDir, seed: int, rounds: int) -> None:
    mark = uuid.uuid4().hex
    campaign = Campaign(stack_dir(kills.PLAN, TEST_MARK=mark), mark, seed)
    assert [one for one in campaign.storms(rounds) if one.faults] == []


@pytest.mark.skipif(not clock.is_possible(), reason="there is no C compiler")
@pytest.mark.parametrize(("seed", "rounds"), [(2, 2), pytest.param(1, 10, marks=pytest.mark.full)])
def test_clock_that_is_set_changes_no_duration(
    stack_dir: MakeStackDir, seed: int, rounds: int
) -> None:
    mark = uuid.uuid4().hex
    campaign = clock.Campaign(stack_dir(kills.PLAN, TEST_MARK=mark), mark, seed)
    assert [one for one in campaign.jumps(rounds) if one.faults] == []


@pytest.mark.full
def test_nothing_grows_and_many_futures_are_outstanding(stack_dir: MakeStackDir) -> None:
    mark = uuid.uuid4().hex
    stack = stack_dir(kills.PLAN, TEST_MARK=mark)
    for _, growth in long.growth(stack, 6):
        assert list(long.faults(growth, mark)) == []
    crowd = long.crowd(stack, 500)
    assert crowd.faults == []
    assert crowd.outstanding > 250
