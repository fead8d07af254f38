"""DEST: taken only where it is free, and given back as it was."""

import errno
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from doitstack.config import dest_directory, dest_lock, dest_mark
from doitstack.config.local_conf import LocalSettings
from doitstack.config.settings import Settings
from doitstack.errors import SettingsError, StepError
from doitstack.private_files import write_private
from tests.unit.another_user import give_away


def _settings(where: Path, **values: str) -> Settings:
    paths = {"DEST": str(where), "DATA_DIR": f"{where}/data", "LOGDIR": f"{where}/logs"}
    return Settings({"TOP_DIR": "/top", **paths, **values}, LocalSettings({}), frozenset())


def _modes(directory: Path) -> dict[str, str]:
    return {path.name: oct(path.stat().st_mode & 0o777) for path in directory.iterdir()}


def test_claimed_dest_is_private(tmp_path: Path) -> None:
    here = tmp_path / "deep" / "dest"
    dest_directory.claim(_settings(here))

    assert oct(here.stat().st_mode & 0o777) == "0o700"
    assert _modes(here) == {"data": "0o700", "logs": "0o700", ".doitstack": "0o600"}
    assert (here / ".doitstack").read_text() == "made by doitstack\nTOP_DIR=/top\n"


def test_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for changed, message in (
        ({"LOGDIR": str(file)}, f"LOGDIR={file} cannot be used: {file} is not a directory"),
        ({"LOGDIR": f"{file}/x"}, f"LOGDIR={file}/x cannot be used: {file} is not a directory"),
        ({"DEST": "/proc/x"}, "DEST=/proc/x cannot be used: nothing can be created in /proc"),
    ):
        settings = _settings(tmp_path / "dest", **changed)
        with pytest.raises(SettingsError) as raised:
            dest_directory.check(settings)
        assert str(raised.value) == message


def test_claim_twice_changes_nothing(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "dest")
    dest_directory.claim(settings)
    (tmp_path / "dest" / "async").mkdir()
    dest_directory.claim(settings)
    assert (tmp_path / "dest" / ".doitstack").read_text() == "made by doitstack\nTOP_DIR=/top\n"


@pytest.mark.parametrize("name", ["data", "logs", "async", "venvs", "clouds.yaml", ".doit.db"])
def test_names_of_others_are_not_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "theirs").touch()
    with pytest.raises(SettingsError) as raised:
        dest_directory.claim(_settings(tmp_path))
    assert str(raised.value) == (
        f"DEST={tmp_path} is not doitstack's and already has: {name}; "
        f"set DEST to a separate directory, or move these away"
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
    with dest_lock.held(tmp_path / "dest"):
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


def test_dest_that_cannot_be_removed_keeps_its_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(here: str, _: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", here)

    settings = _settings(tmp_path / "dest")
    dest_directory.claim(settings)
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", refuse)
        with pytest.raises(StepError, match=r"/dest cannot be removed: Permission denied: .*/dest"):
            dest_directory.remove(settings)
    dest_directory.remove(settings)
    assert list(tmp_path.iterdir()) == []


def test_directory_of_another_user_that_is_named_as_if_it_were_removed_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(tmp_path / "dest")
    dest_directory.claim(settings)
    theirs = tmp_path / ".dest.doitstack-removed"
    (theirs / "precious").mkdir(parents=True)
    give_away(theirs, monkeypatch)
    with pytest.raises(StepError, match=f"/dest cannot be removed: Directory not empty: {theirs};"):
        dest_directory.remove(settings)
    assert (theirs / "precious").is_dir()


def test_dest_of_others_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "theirs").touch()
    with pytest.raises(SettingsError, match=r"is not doitstack's .* nothing has been removed"):
        dest_directory.remove(_settings(tmp_path))
    assert (tmp_path / "data").exists()


def test_dest_that_is_not_there_needs_no_removal(tmp_path: Path) -> None:
    assert dest_directory.owned(_settings(tmp_path / "dest")) == []
    dest_directory.remove(_settings(tmp_path / "dest"))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_removed_through_a_link(tmp_path: Path) -> None:
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


def test_targets_of_links_in_dest_are_not_removed(tmp_path: Path) -> None:
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
        f"set DATA_DIR to a separate directory"
    )
    assert list(tmp_path.iterdir()) == [tmp_path / "home"]


def _snapshot(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


@pytest.mark.parametrize("name", ["DEST", "DATA_DIR", "LOGDIR"])
def test_directory_of_another_user_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "theirs").mkdir()
    uid = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    with pytest.raises(
        SettingsError, match=f"^{name}={tmp_path}/theirs belongs to another user; set {name} to"
    ):
        dest_directory.claim(_settings(tmp_path / "new", **{name: f"{tmp_path}/theirs"}))
    assert _snapshot(tmp_path) == ["theirs"]


@pytest.mark.parametrize("name", ["DEST", "DATA_DIR", "LOGDIR"])
def test_link_of_another_user_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "mine").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "mine")
    give_away(link, monkeypatch)
    with pytest.raises(SettingsError, match=f"^{name}={link} is a link of another user; set "):
        dest_directory.claim(_settings(tmp_path / "new", **{name: str(link)}))
    assert _snapshot(tmp_path) == ["link", "mine"]


@pytest.mark.parametrize("name", ["DATA_DIR", "LOGDIR"])
def test_directory_that_another_user_makes_meanwhile_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    theirs, make = tmp_path / "theirs", Path.mkdir

    def mkdir(path: Path, *arguments: Any, **options: Any) -> None:
        if path == theirs:
            make(theirs)
            theirs.chmod(0o777)
        make(path, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    with pytest.raises(SettingsError, match=f"^{name}={theirs} can be changed by other users"):
        dest_directory.claim(_settings(tmp_path / "new", **{name: str(theirs)}))


def test_what_is_made_above_dest_is_closed_to_others(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        dest_directory.claim(_settings(tmp_path / "a" / "dest", LOGDIR=f"{tmp_path}/b/logs"))
    finally:
        os.umask(before)
    assert _modes(tmp_path) == {"a": "0o700", "b": "0o700"}


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777])
@pytest.mark.parametrize("name", ["DEST", "DATA_DIR", "LOGDIR"])
def test_directory_that_others_can_change_is_not_taken(
    tmp_path: Path, name: str, mode: int
) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    (open_to_all / ".doitstack").write_text("made by doitstack\n")
    open_to_all.chmod(mode)
    with pytest.raises(SettingsError, match=f"can be changed .*`chmod go-w {open_to_all}`, or set"):
        dest_directory.claim(_settings(tmp_path / "new", **{name: str(open_to_all)}))
    assert _snapshot(tmp_path) == ["open", "open/.doitstack"]


@pytest.mark.parametrize("name", ["UV_CACHE_DIR", "DOITSTACK_CACHE_DIR"])
def test_cache_that_another_user_has_made_for_us_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "shared" / "cache").mkdir(parents=True)
    (tmp_path / "shared").chmod(0o1777)
    cache = tmp_path / "shared" / "cache"
    settings = _settings(tmp_path / "dest", **{name: str(cache)})
    dest_directory.check(settings)
    give_away(cache, monkeypatch)
    with pytest.raises(SettingsError, match=f"^{name}={cache}: {cache} belongs to another user"):
        dest_directory.check(settings)


@pytest.mark.parametrize("name", [".lock", "logs", ".doitstack", "passwords", "bin"])
def test_what_another_user_has_put_into_dest_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    settings = _settings(tmp_path / "dest")
    dest_directory.claim(settings)
    theirs = tmp_path / "dest" / name
    if os.path.lexists(theirs):
        theirs.rename(tmp_path / "moved")
    theirs.symlink_to(tmp_path / "precious")
    give_away(theirs, monkeypatch)
    with pytest.raises(SettingsError, match=f"^{theirs} belongs to another user; remove it"):
        dest_directory.claim(settings)
    assert not (tmp_path / "precious").exists()


def test_links_in_place_of_lock_and_mark_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "dest").mkdir()
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (tmp_path / "dest" / ".lock").symlink_to(precious)
    with pytest.raises(OSError, match="symbolic link"), dest_lock.held(tmp_path / "dest"):
        pass
    assert dest_lock.holder(tmp_path / "dest") is None
    (tmp_path / "dest" / ".doitstack").symlink_to(precious)
    with pytest.raises(SettingsError, match=r"is not doitstack's and already has: \.doitstack;"):
        dest_directory.claim(_settings(tmp_path / "dest"))
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("begun", [["data"], ["data", "logs"], ["..doitstack.x.new"], []])
def test_dest_of_a_run_that_was_killed_before_it_marked_it_is_taken(
    tmp_path: Path, begun: list[str]
) -> None:
    here, settings = tmp_path / "dest", _settings(tmp_path / "dest")
    here.mkdir(mode=0o700)
    for name in begun:
        (here / name).touch() if name.endswith(".new") else (here / name).mkdir()

    if begun:
        assert dest_directory.owned(settings) == [here / name for name in begun]
    dest_directory.claim(settings)
    assert {".doitstack", "data", "logs"} <= {path.name for path in here.iterdir()}
    dest_directory.remove(settings)

    assert list(tmp_path.iterdir()) == ([] if begun else [here])


def test_dest_is_marked_before_anything_else_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        seen.extend(_snapshot(tmp_path))
        raise OSError(28, "No space left on device")

    seen: list[str] = []
    monkeypatch.setattr(dest_mark, "write_private", killed)
    with pytest.raises(SettingsError, match="No space left"):
        dest_directory.claim(_settings(tmp_path / "dest"))
    assert seen == ["dest"]


def test_copies_of_private_files_whose_writer_was_killed_are_removed(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "dest")
    dest_directory.claim(settings)
    pid = os.fork()
    if pid == 0:
        os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]
        try:
            write_private(tmp_path / "dest" / "passwords", "ADMIN_PASSWORD=secret")
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    (copy,) = (tmp_path / "dest").glob(".passwords.*")
    assert copy in dest_directory.owned(settings)
    dest_directory.remove(settings)
    assert list(tmp_path.iterdir()) == []


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
