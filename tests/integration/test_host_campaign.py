"""The campaign over hosts in its short form; docs/reliability.md describes the long one."""

from pathlib import Path

import pytest

from tests.campaign.host_kills import EVENTS, made
from tests.sshd_hosts import needs_hosts

pytestmark = needs_hosts


@pytest.mark.parametrize(
    ("seed", "rounds"),
    [(1, 3), *(pytest.param(s, len(EVENTS), marks=pytest.mark.full) for s in (2, 3))],
)
def test_events_leave_nothing_on_any_host(tmp_path: Path, seed: int, rounds: int) -> None:
    with made(tmp_path, seed) as campaign:
        assert [one for one in campaign.rounds(rounds) if one.faults] == []
