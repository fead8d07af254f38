"""DEST: taken only where it is free, and given back as it was."""

import os
from pathlib import Path

import pytest

from doitstack.config import dest_directory
from doitstack.config.local_conf import LocalSettings
from doitstack.config.settings import Settings
from doitstack.errors import BusyError, SettingsError


def _settings(where: Path, **values: str) -> Settings:
    paths = {"DEST": str(where), "DATA_DIR": f"{where}/data", "LOGDIR": f"{where}/logs"}
    return Settings({**paths, **values}, LocalSettings({}), frozenset())


def _modes(directory: Path) -> dict[str, str]:
    return {path.name: oct(path.stat().st_mode & 0o777) for path in directory.iterdir()}


def test_claimed_dest_is_private(tmp_path: Path) -> None:
    here = tmp_path / "deep" / "dest"
    dest_directory.claim(_settings(here))

    assert oct(here.stat().st_mode & 0o777) == "0o700"
    assert _modes(here) == {"data": "0o700", "logs": "0o700", ".doitstack": "0o600"}
    assert (here / ".doitstack").read_text() == "made by doitstack\n"


def test_claim_twice_changes_nothing(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "dest")
    dest_directory.claim(settings)
    (tmp_path / "dest" / "async").mkdir()
    dest_directory.claim(settings)
    assert (tmp_path / "dest" / ".doitstack").read_text() == "made by doitstack\n"


@pytest.mark.parametrize("name", ["data", "logs", "async", "venvs", "clouds.yaml", ".doit.db"])
def test_names_of_others_are_not_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(SettingsError) as raised:
        dest_directory.claim(_settings(tmp_path))
    assert str(raised.value) == (
        f"DEST={tmp_path} is not doitstack's and already has: {name}; "
        f"set DEST to a directory of its own, or move these away"
    )
    assert list(tmp_path.iterdir()) == [tmp_path / name]


def test_dest_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=f"DEST={tmp_path}/file/dest cannot be used: "):
        dest_directory.claim(_settings(tmp_path / "file" / "dest"))


def test_removed_dest_leaves_nothing(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "dest")
    dest_directory.claim(settings)
    for name in ("async", "venvs/x", "supervisor"):
        (tmp_path / "dest" / name).mkdir(parents=True)
    (tmp_path / "dest" / "passwords").touch()
    with dest_directory.held(tmp_path / "dest"):
        dest_directory.remove(settings)
    assert list(tmp_path.iterdir()) == []


def test_files_of_the_user_stay(tmp_path: Path) -> None:
    here = tmp_path / "dest"
    here.mkdir(mode=0o755)
    (here / "mine").write_text("mine")
    dest_directory.claim(_settings(here))
    (here / "clouds.yaml").touch()

    dest_directory.remove(_settings(here))

    assert list(here.iterdir()) == [here / "mine"]


def test_empty_directory_of_the_user_stays(tmp_path: Path) -> None:
    (tmp_path / "dest").mkdir()
    settings = _settings(tmp_path / "dest")
    dest_directory.claim(settings)
    dest_directory.remove(settings)
    assert list((tmp_path / "dest").iterdir()) == []


def test_dest_of_others_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(SettingsError, match=r"is not doitstack's .* nothing has been removed"):
        dest_directory.remove(_settings(tmp_path))
    assert (tmp_path / "data").exists()


def test_dest_that_is_not_there_needs_no_removal(tmp_path: Path) -> None:
    assert dest_directory.owned(_settings(tmp_path / "dest")) == []
    dest_directory.remove(_settings(tmp_path / "dest"))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_removed_behind_a_link(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "dest")
    dest_directory.claim(settings)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    (tmp_path / "dest" / "data").rmdir()
    (tmp_path / "dest" / "data").symlink_to(elsewhere)
    (tmp_path / "dest" / "async").mkdir()
    (tmp_path / "dest" / "async" / "link").symlink_to(elsewhere)

    dest_directory.remove(settings)

    assert not (tmp_path / "dest").exists()
    assert (elsewhere / "precious").exists()


def test_directories_outside_of_dest_are_not_removed(tmp_path: Path) -> None:
    settings = _settings(
        tmp_path / "dest", DATA_DIR=f"{tmp_path}/data", LOGDIR=f"{tmp_path}/dest/../logs"
    )
    dest_directory.claim(settings)
    dest_directory.remove(settings)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "logs"]


def test_directories_behind_a_link_in_dest_are_not_removed(tmp_path: Path) -> None:
    (tmp_path / "dest").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "dest" / "link").symlink_to(tmp_path / "elsewhere")
    settings = _settings(tmp_path / "dest", DATA_DIR=f"{tmp_path}/dest/link/data")
    dest_directory.claim(settings)
    dest_directory.remove(settings)
    assert (tmp_path / "elsewhere" / "data").is_dir()


def test_moved_directories_inside_of_dest_are_removed(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "dest", DATA_DIR=f"{tmp_path}/dest/other/data")
    dest_directory.claim(settings)
    dest_directory.remove(settings)
    assert not (tmp_path / "dest" / "other" / "data").exists()


def test_held_dest_is_busy_for_another_process(tmp_path: Path) -> None:
    with dest_directory.held(tmp_path):
        pid = os.fork()
        if pid == 0:
            try:
                with dest_directory.held(tmp_path):
                    os._exit(1)
            except BusyError as error:
                is_right = str(error) == (
                    f"another run uses {tmp_path} (pid {os.getppid()}); wait for it, or stop it "
                    f"with Ctrl-C"
                )
                os._exit(0 if is_right else 2)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    with dest_directory.held(tmp_path):
        assert (tmp_path / ".lock").read_text() == f"{os.getpid()}\n"


def test_data_dir_elsewhere_is_ours_if_it_was_empty(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    settings = _settings(tmp_path / "dest", DATA_DIR=f"{tmp_path}/data")
    dest_directory.claim(settings)
    (tmp_path / "data" / "keystone").mkdir()
    dest_directory.claim(settings)
    dest_directory.discard(settings, tmp_path / "data" / "keystone")
    assert _modes(tmp_path / "data") == {".doitstack": "0o600"}


def test_data_of_others_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "home" / "keystone").mkdir(parents=True)
    with pytest.raises(SettingsError) as raised:
        dest_directory.claim(_settings(tmp_path / "dest", DATA_DIR=f"{tmp_path}/home"))
    assert str(raised.value) == (
        f"DATA_DIR={tmp_path}/home is not empty and not doitstack's; "
        f"set DATA_DIR to a directory of its own"
    )
    assert list(tmp_path.iterdir()) == [tmp_path / "home"]


def test_dest_of_another_user_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uid = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    with pytest.raises(SettingsError, match=f"^DEST={tmp_path} belongs to another user; set DEST"):
        dest_directory.claim(_settings(tmp_path))
    assert list(tmp_path.iterdir()) == []
    dest_directory.claim(_settings(tmp_path / "new"))


def test_discard_removes_only_our_files(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "dest")
    dest_directory.claim(settings)
    ours, theirs = tmp_path / "dest" / "conf", tmp_path / "conf"
    for directory in (ours, theirs):
        directory.mkdir()
        (directory / "nova.conf").touch()
    dest_directory.discard(settings, ours, theirs, tmp_path / "dest", tmp_path / "dest" / "none")
    assert (tmp_path / "dest" / ".doitstack").exists()
    assert not ours.exists()
    assert list(theirs.iterdir()) == [theirs / "nova.conf"]
