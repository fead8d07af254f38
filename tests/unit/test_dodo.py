"""A dodo.py of one line gives doit the tasks and the configuration of its stack directory."""

from pathlib import Path
from typing import Any

import pytest
from doit.loader import generate_tasks

from doitstack import dodo


@pytest.fixture
def namespace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENABLED_SERVICES", ",")
    names: dict[str, Any] = {}
    exec("from doitstack.dodo import *", names)
    return names


def test_configuration_is_of_the_current_directory(
    namespace: dict[str, Any], tmp_path: Path
) -> None:
    assert namespace["DOIT_CONFIG"] == {
        "default_tasks": ["stack"],
        "dep_file": str(tmp_path / ".stack" / ".doit.db"),
        "backend": "json",
        "verbosity": 2,
    }
    assert not (tmp_path / ".stack").exists()


def test_doit_finds_the_groups_of_tasks(namespace: dict[str, Any]) -> None:
    creators = [name for name in namespace if name.startswith("task_")]
    tasks = [
        task
        for name in creators
        for task in generate_tasks(name.removeprefix("task_"), namespace[name]())
    ]
    assert {"override_defaults", "source", "stack", "unstack", "_clean", "async_cleanup"} <= {
        task.name for task in tasks
    }


def test_only_the_configuration_is_made_on_first_use() -> None:
    with pytest.raises(AttributeError, match="OTHER"):
        dodo.OTHER  # noqa: B018
