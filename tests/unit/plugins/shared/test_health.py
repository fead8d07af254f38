"""A service is healthy when it answers rightly, or has reported."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from doitstack_plugins.shared import health


@pytest.mark.parametrize(
    ("state", "updated_at", "works"),
    [
        ("up", None, False),
        ("up", "2026-01-01T00:00:10.000000", False),
        ("up", "2026-01-01T00:00:11.000000", True),
        ("down", "2026-01-01T00:00:11.000000", False),
    ],
)
def test_a_daemon_works_once_it_has_reported_since_its_start(
    state: str, updated_at: str | None, works: bool
) -> None:
    started = int(datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC).timestamp())
    listed = SimpleNamespace(state=state, updated_at=updated_at)
    assert health.has_reported(listed, started) is works
    assert health.has_reported(listed, started, trust_new=True) is (works or not updated_at)
