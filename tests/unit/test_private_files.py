"""Private files, written in one piece."""

import errno
import fcntl
import os
import signal
import stat
import tempfile
from pathlib import Path

import pytest

from doitstack.private_files import (
    has_text,
    locked,
    private_directory,
    read_regular,
    remove_tree,
    tail,
    temporary_directory,
    write_private,
)
from tests.full_disk import no_space


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_write_private_makes_file_and_directories_private(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "secret"
    previous = os.umask(0)
    try:
        assert write_private(path, "x\r\n") is True
    finally:
        os.umask(previous)
    assert path.read_bytes() == b"x\r\n"
    assert [mode(path), mode(path.parent), mode(path.parent.parent)] == [0o600, 0o700, 0o700]
    assert list(path.parent.iterdir()) == [path]


def test_write_private_leaves_same_content_alone(tmp_path: Path) -> None:
    path = tmp_path / "f"
    write_private(path, "x")
    before = path.stat().st_ino
    assert write_private(path, "x") is False
    assert path.stat().st_ino == before


def test_write_private_takes_rights_away_from_same_content(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("x")
    path.chmod(0o644)
    assert write_private(path, "x") is True
    assert mode(path) == 0o600


def test_write_private_replaces_a_link_and_not_its_target(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("theirs")
    (tmp_path / "f").symlink_to(tmp_path / "target")
    write_private(tmp_path / "f", "ours")
    assert (tmp_path / "target").read_text() == "theirs"
    assert (tmp_path / "f").read_text() == "ours"


def test_write_private_leaves_no_file_when_it_fails(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    with pytest.raises(IsADirectoryError):
        write_private(tmp_path / "f", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_new_content_is_on_disk_before_its_name_and_that_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_text("old")
    seen: list[tuple[str, str]] = []

    def fsync(descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        seen.append((name, (tmp_path / "f").read_text()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_private(tmp_path / "f", "new")
    (copy, before), directory = seen
    assert copy.startswith(".f.")
    assert before == "old"
    assert directory == (tmp_path.name, "new")


def test_locked_file_is_private_and_no_link(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path):
        assert oct(path.stat().st_mode & 0o777) == "0o600"
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(OSError, match="symbolic links"), locked(tmp_path / "link"):
        pass


def test_locked_directory_takes_no_space(tmp_path: Path) -> None:
    with no_space(), locked(tmp_path):
        other = os.open(tmp_path, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(other)
    assert list(tmp_path.iterdir()) == []


def test_has_text_is_false_for_what_is_no_file(tmp_path: Path) -> None:
    assert not has_text(tmp_path, "")
    assert not has_text(tmp_path / "none", "")


def test_tail_is_the_end_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log) == ""
    assert tail(tmp_path) == "", "the message about a service came to nothing with its log"
    log.write_bytes(b"x" * 100_000 + b"\n" + b"".join(b"%d\n" % n for n in range(50)) + b"\xff")
    assert tail(log, lines=3) == "48\n49\n\N{REPLACEMENT CHARACTER}"


def test_private_directory_leaves_an_existing_one_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert private_directory(tmp_path) == tmp_path
    assert mode(tmp_path) == 0o755


def test_fifo_in_place_of_a_file_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / "f"
    os.mkfifo(path)
    with pytest.raises(OSError, match=f"Not a regular file: '{path}'"):
        read_regular(path)
    assert not has_text(path, "x")
    assert write_private(path, "x") is True
    assert path.read_text() == "x"


def test_temporary_directory_is_private_and_exists_in_the_block() -> None:
    with temporary_directory("test") as place:
        assert place.stat().st_mode & 0o777 == 0o700
        (place / "file").touch()
    assert not place.exists()


def test_temporary_directory_of_a_killed_process_is_removed_by_the_next_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    pid = os.fork()
    if pid == 0:
        with temporary_directory("test") as place:
            (place / "file").touch()
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    (left,) = tmp_path.iterdir()
    others = {tmp_path / name for name in ("doitstack-other-1", "doitstack-test-link", "test-1")}
    for path in others:
        path.symlink_to(left) if path.name.endswith("link") else path.mkdir()
    with temporary_directory("test") as first, temporary_directory("test") as second:
        assert {*tmp_path.iterdir()} == {*others, first, second}
    assert {*tmp_path.iterdir()} == others


def test_what_cannot_be_removed_is_named_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: str, **__: int) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").touch()
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        with pytest.raises(PermissionError) as raised:
            remove_tree(tmp_path / "a")
    assert raised.value.filename == str(tmp_path / "a" / "b" / "file")
    remove_tree(tmp_path / "a")
    assert not (tmp_path / "a").exists()
