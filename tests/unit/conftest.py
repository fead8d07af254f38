"""Fixtures of the unit tests."""

import pytest

from doitstack.warm import launcher


@pytest.fixture
def nothing_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have programs run by themselves, as where there can be no warm server."""
    monkeypatch.setattr(launcher, "can_be_warm", lambda: False)
