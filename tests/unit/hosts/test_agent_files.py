"""The files of the agent: what it is sent, and the environments made of it."""

import io
import os
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from doitstack.hosts.agent_files import (
    MAX_AGE,
    MOST_ENVIRONMENTS,
    Upload,
    make_environment,
    prune,
    replace,
    use_environment,
)
from tests.integration.probes import wait_until

HOUR = 3600.0


def archive(path: Path, **files: str) -> Path:
    with tarfile.open(path, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


def environment(path: Path, age: float) -> Path:
    """Make what was used `age` s ago, with a file in it."""
    (path / "bin").mkdir(parents=True)
    (path / "bin/doit").touch()
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_file_has_its_name_once_it_is_whole_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "a/b"
    upload = Upload(path, 6)
    assert upload.add(b"abcd") == 4
    assert (upload.left, names(path.parent)) == (2, ["b.new"])
    assert upload.add(b"ef{}") == 2
    assert (upload.left, names(path.parent)) == (0, ["b"])
    assert path.read_bytes() == b"abcdef"
    assert [one.stat().st_mode & 0o077 for one in (path, path.parent)] == [0, 0]


def test_files_are_replaced_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "lib").symlink_to("/")
    (tmp_path / "mine").touch()
    replace(tmp_path, ["lib", "local.conf"], archive(tmp_path / "f.tgz", local__conf="x"))
    assert names(tmp_path) == ["local", "mine"]


def test_environment_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    theirs = tmp_path / f"new.{os.getpid()}"
    theirs.mkdir()  # a host with the same home directory has a process of that PID
    make_environment(tmp_path / "new", archive(tmp_path / "new.tgz", lib__a="a"))
    assert (tmp_path / "new/lib/a").read_text() == "a"
    assert (tmp_path / "new/bin/python").exists()
    bad = tmp_path / "bad.tgz"
    bad.write_bytes(b"no archive")
    with pytest.raises(OSError, match="bad"):
        make_environment(tmp_path / "bad", bad)
    assert names(tmp_path) == ["new", theirs.name]
    assert names(theirs) == []


def test_those_used_last_are_kept(tmp_path: Path) -> None:
    for number in range(MOST_ENVIRONMENTS + 1):
        environment(tmp_path / f"e{number}", number * HOUR)
    assert use_environment(tmp_path / f"e{MOST_ENVIRONMENTS}")
    make_environment(tmp_path / "new", archive(tmp_path / "new.tgz", lib__a="a"))
    kept = [f"e{number}" for number in (0, 1, 2, MOST_ENVIRONMENTS)]
    assert names(tmp_path) == [*kept, "new"]
    assert not use_environment(tmp_path / "e3")


def test_those_not_used_for_long_are_removed(tmp_path: Path) -> None:
    environment(tmp_path / "old", MAX_AGE + HOUR)
    environment(tmp_path / "used", MAX_AGE - HOUR)
    prune(tmp_path)
    assert names(tmp_path) == ["used"]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Path]:
    """An environment from which a program runs, as a service does after its run."""
    made = environment(tmp_path / "served", MAX_AGE + HOUR)
    (made / "bin/python").symlink_to("/bin/sleep")
    with subprocess.Popen([made / "bin/python", "600"]) as process:
        # For a moment after exec, the kernel shows no arguments.
        arguments = Path(f"/proc/{process.pid}/cmdline")
        wait_until(lambda: arguments.read_bytes() != b"", "the program")
        yield made
        process.kill()


def test_those_in_use_are_kept(service: Path) -> None:
    environment(service.parent / "serve", MAX_AGE + HOUR)
    prune(service.parent)
    assert names(service.parent) == [service.name]


def test_what_lost_connections_have_left_is_removed(tmp_path: Path) -> None:
    for age in (HOUR / 2, 2 * HOUR):
        environment(tmp_path / f"e.{age:.0f}", age)
        path = tmp_path / f"e.one.tgz.{age:.0f}.new"
        path.touch()
        os.utime(path, (time.time() - age, time.time() - age))
    prune(tmp_path)
    assert names(tmp_path) == ["e.1800", "e.one.tgz.1800.new"]
