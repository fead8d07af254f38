"""The campaign of kills in its short form; docs/reliability.md describes the long one."""

import uuid

import pytest

from tests.campaign.kills import PLANS, Campaign
from tests.conftest import MakeStackDir


@pytest.mark.parametrize("seed", [1, *(pytest.param(s, marks=pytest.mark.full) for s in (2, 3, 4))])
@pytest.mark.parametrize("name", ["futures", "builds", "services"])
def test_kills_at_moments_of_the_journal_leave_nothing(
    stack_dir: MakeStackDir, name: str, seed: int
) -> None:
    mark, plan = uuid.uuid4().hex, PLANS[name]()
    campaign = Campaign(stack_dir(plan.files, TEST_MARK=mark), mark, seed, plan)
    assert [one for one in campaign.rounds(2) if one.faults] == []
