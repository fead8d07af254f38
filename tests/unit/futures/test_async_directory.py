"""The directory of all futures: empty and private for a run, with nothing left running."""

import os
import subprocess
from pathlib import Path

from doitstack.futures.async_directory import init, purge
from doitstack.journal.job_file import Job, open_job
from doitstack.processes.tree import look_up


def leave_running(directory: Path) -> subprocess.Popen[bytes]:
    """Start a process as an unfinished future of an earlier run."""
    process = subprocess.Popen(["sleep", "1000"], process_group=0)
    known = look_up(process.pid)
    assert known
    os.close(open_job(directory / "old.ini", Job("cmd", process.pid, 0, known.started)))
    return process


def test_directory_is_made_empty_and_private(tmp_path: Path) -> None:
    directory = tmp_path / "dest" / "async"
    init(directory)
    (directory / "old.log").touch()
    init(directory)
    assert list(directory.iterdir()) == []
    assert directory.stat().st_mode & 0o777 == 0o700


def test_what_an_earlier_run_has_left_running_ends(tmp_path: Path) -> None:
    with leave_running(tmp_path) as process:
        purge(tmp_path)
        assert process.wait() == -15
    assert not tmp_path.exists()


def test_directory_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    purge(tmp_path / "missing")
