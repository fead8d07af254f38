"""When doit's state is saved during a run."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from doit.dependency import Dependency, JsonDB
from doit.task import Task
from doit.tools import run_once

from doitstack.engine.doit_state import AtomicJsonDB
from doitstack.engine.state_saving import StateSaving
from doitstack.errors import StepError
from tests.full_disk import no_space


def no_alarm(_seconds: float, _callback: Callable[[], None]) -> None:
    """Nothing is saved later."""


def test_state_is_saved_at_most_once_a_second(tmp_path: Path) -> None:
    file, times = tmp_path / "db.json", [0.0]
    planned: list[Callable[[], None]] = []
    dependencies = Dependency(JsonDB, str(file))
    saving = StateSaving(dependencies, lambda: times[-1], lambda _, save: planned.append(save))
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
    # If nothing ends any more, it is saved all the same.
    assert len(planned) == 2
    times.append(2.9)
    planned[-1]()
    assert list(json.loads(file.read_text())) == ["one"]


def test_success_of_a_task_that_starts_is_forgotten_on_disk(tmp_path: Path) -> None:
    file = tmp_path / "db.json"
    dependencies = Dependency(JsonDB, str(file))
    task = Task("one", [lambda: True], uptodate=[run_once])
    dependencies.save_success(task)
    dependencies.backend.dump()
    assert "one" in json.loads(file.read_text())
    StateSaving(dependencies, lambda: 0.0, no_alarm).forget_success(task)
    assert "one" not in json.loads(file.read_text())


def test_success_that_cannot_be_forgotten_for_want_of_space_takes_the_rest_along(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "db.json"
    dependencies = Dependency(AtomicJsonDB, str(file))
    one, other = (Task(name, [lambda: True], uptodate=[run_once]) for name in ("one", "other"))
    for task in (one, other):
        dependencies.save_success(task)
    dependencies.backend.dump()
    saving = StateSaving(dependencies, lambda: 0.0, no_alarm)

    with no_space():
        saving.forget_success(one)
    assert not file.exists()
    assert capsys.readouterr().err == (
        f"WARNING: {file} could not be saved: File too large; "
        f"the next run may repeat steps that are up to date\n"
    )

    dependencies.backend.dump()
    assert list(json.loads(file.read_text())) == ["other"]


def test_task_does_not_start_if_its_success_cannot_be_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "db.json"
    dependencies = Dependency(AtomicJsonDB, str(file))
    task = Task("one", [lambda: True], uptodate=[run_once])
    dependencies.save_success(task)
    dependencies.backend.dump()
    reason = OSError(errno.EROFS, "Read-only file system")

    def unlink(*_: object, **__: object) -> None:
        raise reason

    monkeypatch.setattr(Path, "unlink", unlink)
    saving = StateSaving(dependencies, lambda: 0.0, no_alarm)
    with no_space(), pytest.raises(StepError) as raised:
        saving.forget_success(task)
    assert str(raised.value) == (
        f"cannot start: its earlier success cannot be removed from {file}: Read-only file system"
    )


def test_targets_are_on_disk_before_success_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").touch()
    names = ("file", "directory", "missing")
    task = Task("one", None, targets=[str(tmp_path / name) for name in names])
    synchronised: list[str] = []
    monkeypatch.setattr(
        os, "fsync", lambda fd: synchronised.append(os.readlink(f"/proc/self/fd/{fd}"))
    )
    assert StateSaving.sync_targets(task) is None
    assert synchronised == [str(tmp_path / name) for name in names[:2]]

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    failure = StateSaving.sync_targets(task)
    assert failure
    assert failure.get_msg().strip() == f"{tmp_path}/file is not on disk: Input/output error"
