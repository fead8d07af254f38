"""The campaign of missing resources in its short form; see docs/reliability.md."""

import uuid

import pytest

from tests.campaign.resources import PLAN, Campaign
from tests.campaign.system_calls import is_possible
from tests.conftest import MakeStackDir

pytestmark = pytest.mark.skipif(not is_possible(), reason="the kernel cannot ask about calls")


def test_full_disk_is_said_and_nothing_half_written_is_believed(stack_dir: MakeStackDir) -> None:
    mark = uuid.uuid4().hex
    campaign = Campaign(stack_dir(PLAN, TEST_MARK=mark), mark)
    # The disk fills up before a step that has succeeded before.
    before = b"<== stack install: shell: 40-shell.sh"
    one = campaign.one("full", ("-a", "stack"), 1, before)
    assert one.faults == ()
    assert one.code == 1
    assert "plugin demo: step made: OSError: [Errno 28] No space left on device" in one.out


@pytest.mark.full
@pytest.mark.parametrize(
    ("kind", "step"),
    [
        *(("full", 60), ("read-only", 60), ("broken", 60), ("slow", 1)),
        *(("memory", 12), ("descriptors-once", 500)),
    ],
)
def test_missing_resource_is_said_at_any_call(
    stack_dir: MakeStackDir, kind: str, step: int
) -> None:
    mark = uuid.uuid4().hex
    campaign = Campaign(stack_dir(PLAN, TEST_MARK=mark), mark)
    rounds = list(campaign.rounds([kind], step, seed=1))
    assert [one for one in rounds if one.faults] == []
