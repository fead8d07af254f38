"""Side effects of imports are repeated."""

import os

import pytest

from fork_server.server.import_effects import ImportEffects


def test_variables_are_set_and_removed_as_by_the_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SET", "REMOVED", "KEPT"):
        monkeypatch.setenv(name, "the caller's")
    effects = ImportEffects({}, {}, {"SET": "new", "REMOVED": None, "ABSENT": None}, b"")
    effects.repeat_changes()
    assert [os.environ.get(name) for name in ("SET", "REMOVED", "KEPT", "ABSENT")] == [
        "new", None, "the caller's", None
    ]  # fmt: skip
