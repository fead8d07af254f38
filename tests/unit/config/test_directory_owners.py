import re
from pathlib import Path

import pytest

from doitstack.config.directory_owners import refuse_others, refuse_planted
from doitstack.errors import SettingsError
from tests.unit.another_user import give_away


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """Return a directory in which all users can make files, as in /tmp."""
    directory = tmp_path / "shared"
    directory.mkdir()
    directory.chmod(0o1777)
    return directory


def test_directory_of_ours_is_taken(shared: Path) -> None:
    path = shared / "a" / "b"
    path.mkdir(parents=True)
    refuse_others("DEST", path, path.stat())
    refuse_planted("DEST", path / "not" / "there")


@pytest.mark.parametrize("is_there", [True, False])
def test_directory_of_another_user_above_is_not_used(
    shared: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    theirs = shared / "theirs"
    path = theirs / "a" / "b"
    (path if is_there else theirs).mkdir(parents=True)
    give_away(theirs, monkeypatch)
    message = f"^DEST={path}: {theirs} belongs to another user; set DEST to a directory of your own"
    with pytest.raises(SettingsError, match=message):
        refuse_planted("DEST", path)


@pytest.mark.parametrize("way", ["link/dest", "ours/dest"])
def test_link_of_another_user_above_is_not_followed(
    tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    (tmp_path / "home").mkdir()
    (shared / "link").symlink_to(tmp_path / "home")
    (shared / "ours").symlink_to(shared / "theirs")
    (shared / "theirs").mkdir()
    for name in ("link", "theirs"):
        give_away(shared / name, monkeypatch)
    with pytest.raises(SettingsError, match=re.escape(f"DEST={shared / way}: {shared}/")):
        refuse_planted("DEST", shared / way)


def test_users_may_have_directories_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    give_away(theirs, monkeypatch)
    refuse_planted("DEST", theirs / "dest")
