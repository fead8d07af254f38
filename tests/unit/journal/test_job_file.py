"""The file of a future, also after a crash."""

import os
from pathlib import Path

import pytest

from doitstack.config.masking import Mask
from doitstack.journal.job_file import (
    Job,
    add_process,
    close_job,
    masked,
    open_job,
    read_job,
    reopen_job,
)

JOB = Job(command="make -j2 a = b", pid=12, start_time=1700000000123, started=456)
TEXT = (
    "[job]\ncommand = make -j2 a = b\npid = 12\nstart_time = 1700000000123\npid_start_time = 456\n"
)


def test_job_is_written_with_devstacks_keys_first(tmp_path: Path) -> None:
    path = tmp_path / "a.ini"
    descriptor = open_job(path, JOB)
    assert path.read_text() == TEXT
    assert oct(path.stat().st_mode) == "0o100600"
    assert read_job(path) == JOB

    close_job(descriptor, 1700000001123, 7)

    assert path.read_text() == f"{TEXT}end_time = 1700000001123\nrc = 7\n"
    assert read_job(path) == Job(JOB.command, 12, 1700000000123, 456, 1700000001123, 7)


def test_process_can_be_added_once_it_is_known(tmp_path: Path) -> None:
    path = tmp_path / "a.ini"
    job = Job("make", 0, 1700000000123, 0)
    descriptor = open_job(path, job)
    assert read_job(path) == job
    add_process(descriptor, 12, 456)
    os.close(descriptor)
    close_job(reopen_job(path), 1700000001123, 7)
    assert read_job(path) == Job("make", 12, 1700000000123, 456, 1700000001123, 7)


def test_name_that_is_taken_is_refused_by_the_file_system(tmp_path: Path) -> None:
    (tmp_path / "a.ini").touch()
    with pytest.raises(FileExistsError):
        open_job(tmp_path / "a.ini", JOB)


@pytest.mark.parametrize("length", range(len(TEXT)))
def test_file_that_was_cut_off_is_not_believed(tmp_path: Path, length: int) -> None:
    path = tmp_path / "a.ini"
    path.write_text(TEXT[:length])
    job = read_job(path)
    if length <= len(TEXT) - len("pid_start_time = 456\n"):
        assert job is None or job == Job(JOB.command, 12, 1700000000123, 0)
    else:
        assert job == Job(JOB.command, 12, 1700000000123, 0)


def test_code_that_was_cut_off_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.ini"
    path.write_text(f"{TEXT}end_time = 5\nrc = 13")
    job = read_job(path)
    assert job
    assert (job.end_time, job.rc) == (5, None)


@pytest.mark.parametrize("text", ["", "[job]\n", "rubbish", TEXT.replace("12", "twelve")])
def test_incomplete_file_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.ini").write_text(text)
    assert read_job(tmp_path / "a.ini") is None
    assert read_job(tmp_path / "missing.ini") is None


def test_job_in_the_session_itself_has_no_pid(tmp_path: Path) -> None:
    (tmp_path / "a.ini").write_text(TEXT.replace("pid = 12", "pid = self"))
    job = read_job(tmp_path / "a.ini")
    assert job
    assert job.pid == 0


def test_command_with_line_ends_is_one_line(tmp_path: Path) -> None:
    descriptor = open_job(tmp_path / "a.ini", JOB._replace(command="sh -c 'x\nrc = 0\n'"))
    assert read_job(tmp_path / "a.ini") == JOB._replace(command=r"sh -c 'x\nrc = 0\n'")
    close_job(descriptor, 5, 1)


@pytest.mark.parametrize("key", ["pid", "start_time", "end_time", "rc"])
def test_number_that_is_too_long_is_damage(tmp_path: Path, key: str) -> None:
    (tmp_path / "a.ini").write_text(f"{TEXT}{key} = {10**18}\n")
    assert read_job(tmp_path / "a.ini") is None


def test_masked_line_hides_secrets_in_the_command_alone() -> None:
    lines = (b"command = pid command\n", b"pid = 123456789012\n", b"[job]\n")
    mask = Mask(["command", "pid = ", "123456789012", "[job]"]).data
    assert [masked(line, mask) for line in lines] == [b"command = pid *******\n", *lines[1:]]
