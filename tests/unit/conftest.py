"""Fixtures of the unit tests."""

from pathlib import Path

import pytest

import fork_server
from doitstack.stack import Stack
from tests.unit.fake_services import FakeSupervisord, fake_services


@pytest.fixture
def no_fork_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let programs run directly, as where fork servers are not supported."""
    monkeypatch.setattr(fork_server, "is_supported", lambda: False)


@pytest.fixture
def supervisord(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSupervisord:
    """Let every stack have services without processes; return what keeps them."""
    services, made = fake_services(tmp_path)
    monkeypatch.setattr(Stack, "services", property(lambda stack: services))
    return made
