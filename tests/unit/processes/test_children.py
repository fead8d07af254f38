"""Values that child processes compute."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from doitstack.errors import DoitstackError
from doitstack.processes.children import computed


def test_each_value_has_a_process_of_its_own() -> None:
    results = computed(lambda value: (value * 2, os.getpid()), range(5))
    assert [results[value][0] for value in range(5)] == [0, 2, 4, 6, 8]
    assert len({pid for _, pid in results.values()} | {os.getpid()}) == 6


def test_result_may_be_longer_than_a_pipe() -> None:
    assert computed(lambda length: "x" * length, [300_000]) == {300_000: "x" * 300_000}


def test_error_of_a_child_is_raised() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        computed(int, ["seven"])


def test_end_without_a_result_is_an_error() -> None:
    with pytest.raises(DoitstackError, match="the process for 7 has ended without a result"):
        computed(lambda _: os._exit(0), [7])


def test_children_end_silently_with_their_parent() -> None:
    program = (
        "import time; from doitstack.processes.children import computed;"
        "computed(lambda _: (print('begun', flush=True), time.sleep(1000)), [1, 2])"
    )
    for number in (signal.SIGKILL, signal.SIGINT):
        parent = subprocess.Popen(
            [sys.executable, "-c", program],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert parent.stdout
        assert parent.stdout.readline() == "begun\n"
        os.kill(parent.pid, number)
        # The pipe is closed once nobody has it any more.
        _, said = parent.communicate()
        assert "time.sleep" not in said


def test_children_are_ended_if_one_fails() -> None:
    def work(value: int) -> None:
        if value:
            raise ValueError(value)
        signal.pause()

    # Other tests may have left children of this process.
    before = _children()
    with pytest.raises(ValueError, match="1"):
        computed(work, [1, 0])
    assert _children() <= before


def _children() -> set[str]:
    return set(Path("/proc/thread-self/children").read_text().split())
