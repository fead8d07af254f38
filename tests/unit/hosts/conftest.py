"""Hosts near by, and a stack that has them."""

from pathlib import Path

import pytest

from doitstack.config.hosts import Host
from doitstack.hosts import connection
from tests.near_hosts import near_hosts


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host `one`, whose home is in a directory of the test."""
    for name, value in near_hosts(tmp_path, "one").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(connection, "FIRST_WORD", 250.0)  # however busy the machine is
    return Host("one", "one", python="python3")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home directory of that host."""
    return tmp_path / "homes" / "one"
