"""Fixtures of the unit tests."""

import pytest

import fork_server


@pytest.fixture
def no_fork_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let programs run directly, as where fork servers are not supported."""
    monkeypatch.setattr(fork_server, "is_supported", lambda: False)
