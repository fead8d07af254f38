"""What the steps of a stack have left running."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from doitstack.processes import left_running as module
from doitstack.processes.left_running import (
    STACK_MARK,
    LeftProcess,
    end_left,
    left_running,
    names_of,
    settled,
)
from tests.integration.probes import is_dead

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a program that waits, with more environment variables."""
    started = []

    def start(*words: str, log: Path | None = None, **environ: str) -> "subprocess.Popen[bytes]":
        with open(log or os.devnull, "ab") as output:
            process = subprocess.Popen(
                words or ("sleep", "600"), env={**os.environ, **environ}, stdout=output
            )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_processes_are_known_by_their_environment(tmp_path: Path, start: Start) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    mark = {STACK_MARK: str(tmp_path)}
    of_future = start(**mark, DOITSTACK_FUTURE="20261128T105000.1:f")
    of_step = start(**mark, DOITSTACK_FUTURE="20261128T105000.1:(program 3)")
    start(**{STACK_MARK: f"{tmp_path}/other"})
    start(STACK=str(tmp_path))
    found = left_running(link, tmp_path / "stack.log")
    assert found == sorted(
        [
            LeftProcess(of_future.pid, "sleep", "20261128T105000.1", "f"),
            LeftProcess(of_step.pid, "sleep", "20261128T105000.1", ""),
        ],
        key=lambda one: one.pid,
    )
    assert settled(link, tmp_path / "stack.log") == found


def test_processes_are_known_by_the_log_that_they_write(tmp_path: Path, start: Start) -> None:
    (tmp_path / "async").mkdir()
    logs = (tmp_path / "stack.log", tmp_path / "stack.log.1", tmp_path / "async" / "f.log")
    pids = [start(log=log).pid for log in logs]
    start(log=tmp_path / "service.log")
    assert [one.pid for one in left_running(tmp_path, logs[0])] == sorted(pids)


def test_they_are_ended_and_nothing_else(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GRACE", 0.2)
    mark = {STACK_MARK: str(tmp_path)}
    stubborn = start("sh", "-c", "trap '' TERM; sleep 600 & wait; sleep 600", **mark)
    other = start(**{STACK_MARK: f"{tmp_path}/other"})
    ended = {one.pid for one in end_left(tmp_path, tmp_path / "stack.log")}
    assert stubborn.pid in ended
    assert is_dead(stubborn.pid)
    assert other.poll() is None
    assert end_left(tmp_path, tmp_path / "stack.log") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_process_of_another_user_is_left_alone(tmp_path: Path) -> None:
    environ = {**os.environ, STACK_MARK: str(tmp_path)}
    with subprocess.Popen(["sleep", "600"], env=environ, user=65534) as process:
        assert end_left(tmp_path, tmp_path / "stack.log") == []
        assert process.poll() is None
        process.kill()


def test_names_are_one_line() -> None:
    one, two = LeftProcess(1, "a", "", ""), LeftProcess(2, "b", "r", "f")
    assert names_of([one]) == "a process that steps have left running: a 1"
    assert names_of([one, two]) == "2 processes that steps have left running: a 1, b 2 (future f)"
