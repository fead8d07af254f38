"""The campaign of crashes of the machine in its short form; see docs/reliability.md."""

import pytest

from tests.campaign.power_loss import PLAN, Campaign
from tests.campaign.system_calls import is_possible
from tests.conftest import MakeStackDir

pytestmark = pytest.mark.skipif(not is_possible(), reason="the kernel cannot ask about calls")


def test_no_state_that_a_crash_may_leave_is_believed(stack_dir: MakeStackDir) -> None:
    campaign = Campaign(stack_dir(PLAN), seed=1, runs=[("stack",)])
    result = campaign.run(variants=1, opened=0, step=3)
    assert result.faults == {}
    assert result.states > 60


@pytest.mark.full
def test_doit_goes_on_from_states_that_a_crash_may_leave(stack_dir: MakeStackDir) -> None:
    result = Campaign(stack_dir(PLAN), seed=2).run(variants=10, opened=20)
    assert result.faults == {}
