"""The campaign of kills in its short form; docs/reliability.md describes the long one."""

import uuid

import pytest

from tests.campaign.kills import PLAN, Campaign
from tests.conftest import MakeStackDir


@pytest.mark.parametrize("seed", [1, *(pytest.param(s, marks=pytest.mark.full) for s in (2, 3, 4))])
def test_kills_at_moments_of_the_journal_leave_nothing(stack_dir: MakeStackDir, seed: int) -> None:
    mark = uuid.uuid4().hex
    campaign = Campaign(stack_dir(PLAN, TEST_MARK=mark), mark, seed)
    assert [one for one in campaign.rounds(3) if one.faults] == []
