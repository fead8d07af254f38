"""Files that are changed in place are on record until their content is on the disk."""

import json
import os
from pathlib import Path

import pytest

from doitstack.config import changes_in_place
from doitstack.config.changes_in_place import CHANGES, announce, settle, take_damaged


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that are written to the disk, in order."""
    found: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        found.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    return found


def crash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the machine have been started again."""
    (tmp_path / "boot").write_text("another\n")
    monkeypatch.setattr(changes_in_place, "_BOOT_ID", tmp_path / "boot")


def test_names_are_on_the_disk_before_the_files_change(tmp_path: Path, synced: list[str]) -> None:
    announce(tmp_path, "/etc/a")
    assert [Path(path).name.endswith(".new") for path in synced] == [True, False]
    announce(tmp_path, "/etc/b")
    written = (tmp_path / CHANGES).read_text()
    announce(tmp_path, "/etc/a")
    assert (tmp_path / CHANGES).read_text() == written
    assert json.loads(written)["files"] == ["/etc/a", "/etc/b"]


def test_files_are_on_the_disk_before_they_are_forgotten(tmp_path: Path, synced: list[str]) -> None:
    file = tmp_path / "a.conf"
    file.write_text("x")
    announce(tmp_path, str(file))
    announce(tmp_path, str(tmp_path / "removed"))
    synced.clear()
    settle(tmp_path)
    assert synced == [str(file)]
    assert not (tmp_path / CHANGES).exists()
    settle(tmp_path)


def test_file_that_cannot_be_written_to_the_disk_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce(tmp_path, "/etc/a")
    monkeypatch.setattr(changes_in_place, "sync", _full)
    settle(tmp_path)
    assert (tmp_path / CHANGES).exists()


def _full(path: Path) -> None:
    raise OSError(28, "No space left on device", str(path))


def test_only_a_crash_of_the_machine_damages_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce(tmp_path, "/etc/a")
    assert take_damaged(tmp_path) == [], "the run was killed, and the kernel has all"
    crash(monkeypatch, tmp_path)
    assert take_damaged(tmp_path) == ["/etc/a"]
    assert take_damaged(tmp_path) == []


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"boot": 1}', '{"boot": 1, "files": 2}'])
def test_damaged_list_names_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / CHANGES).write_text(content)
    assert take_damaged(tmp_path) == []
    settle(tmp_path)
    assert not (tmp_path / CHANGES).exists()
