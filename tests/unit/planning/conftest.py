"""Plugins of the tests' own alone."""

import pytest

from doitstack.planning import plugin_discovery


@pytest.fixture(autouse=True)
def _no_installed_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin_discovery, "entry_points", lambda group: [])
