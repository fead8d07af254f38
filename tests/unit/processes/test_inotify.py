"""Changes below directories are noticed, also in those that are made later."""

from pathlib import Path

import pytest

from doitstack.errors import StepError
from doitstack.processes import inotify
from doitstack.processes.inotify import DirectoryWatch


def is_seen(watch: DirectoryWatch) -> bool:
    """Return whether a change that was made before is seen."""
    return watch.wait(0)


def test_changes_of_files_are_seen(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    path = tmp_path / "a" / "b" / "file"
    with DirectoryWatch([tmp_path]) as watch:
        assert not is_seen(watch)
        for change in (path.touch, lambda: path.write_text("x"), path.unlink):
            change()
            assert is_seen(watch)
            assert not is_seen(watch)


def test_directories_that_are_made_later_are_watched(tmp_path: Path) -> None:
    with DirectoryWatch([tmp_path]) as watch:
        (tmp_path / "new" / "er").mkdir(parents=True)
        assert is_seen(watch)
        (tmp_path / "new" / "er" / "file").touch()
        assert is_seen(watch)


def test_byte_code_and_git_are_not_watched(tmp_path: Path) -> None:
    for name in (".git", "__pycache__"):
        (tmp_path / name).mkdir()
    with DirectoryWatch([tmp_path]) as watch:
        for name in (".git", "__pycache__"):
            (tmp_path / name / "file").touch()
        assert not is_seen(watch)


def test_flat_directory_is_watched_without_what_is_below(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    with DirectoryWatch([], flat=[tmp_path]) as watch:
        (tmp_path / "below" / "file").touch()
        assert not is_seen(watch)
        (tmp_path / "file").touch()
        assert is_seen(watch)


def test_missing_directory_is_ignored(tmp_path: Path) -> None:
    with DirectoryWatch([tmp_path / "gone"], flat=[tmp_path / "gone"]) as watch:
        assert not is_seen(watch)


def test_limit_of_the_system_is_an_error_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inotify, "_MASK", 0)  # refused by the system
    with pytest.raises(StepError, match=r"raise the limits fs.inotify.max_user_watches"):
        DirectoryWatch([tmp_path])
