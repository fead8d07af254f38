"""When doit's state is saved during a run."""

import json
from pathlib import Path

from doit.dependency import Dependency, JsonDB
from doit.task import Task
from doit.tools import run_once

from doitstack.engine.state_saving import StateSaving


def test_state_is_saved_at_most_once_a_second(tmp_path: Path) -> None:
    file, times = tmp_path / "db.json", [0.0]
    dependencies = Dependency(JsonDB, str(file))
    saving = StateSaving(dependencies, lambda: times[-1])
    dependencies.save_success(Task("one", None))
    times.append(0.9)
    saving.save_now_and_then()
    assert not file.exists()
    times.append(1.0)
    saving.save_now_and_then()
    assert list(json.loads(file.read_text())) == ["one"]
    file.unlink()
    times.append(1.9)
    saving.save_now_and_then()
    assert not file.exists()


def test_success_of_a_task_that_starts_is_forgotten_on_disk(tmp_path: Path) -> None:
    file = tmp_path / "db.json"
    dependencies = Dependency(JsonDB, str(file))
    task = Task("one", [lambda: True], uptodate=[run_once])
    dependencies.save_success(task)
    dependencies.backend.dump()
    assert "one" in json.loads(file.read_text())
    StateSaving(dependencies, lambda: 0.0).forget_success(task)
    assert "one" not in json.loads(file.read_text())
