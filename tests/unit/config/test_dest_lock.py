"""The lock of DEST."""

import os
from pathlib import Path

import pytest

from doitstack.config import dest_lock
from doitstack.errors import BusyError
from tests.full_disk import no_space


def test_held_dest_is_busy_for_another_process(tmp_path: Path) -> None:
    with dest_lock.held(tmp_path):
        pid = os.fork()
        if pid == 0:
            try:
                with dest_lock.held(tmp_path):
                    os._exit(1)
            except BusyError as error:
                is_right = str(error) == (
                    f"another run uses {tmp_path} (pid {os.getppid()}); wait for it, or stop it "
                    f"with Ctrl-C"
                )
                os._exit(0 if is_right else 2)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    with dest_lock.held(tmp_path):
        assert (tmp_path / ".lock").read_text() == f"{os.getpid()}\n"


def test_dest_can_be_held_if_the_disk_is_full(tmp_path: Path) -> None:
    with no_space(), dest_lock.held(tmp_path):
        pass


def test_fifo_in_place_of_the_lock_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".lock")
    assert dest_lock.holder(tmp_path) is None
    with (
        pytest.raises(OSError, match=r"Not a regular file: .*\.lock"),
        dest_lock.held(tmp_path),
    ):
        pass
