"""A forked shell waits at its FIFO until the gate is open."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from doitstack.bash.start_gate import StartGate


def waiting(path: str) -> "subprocess.Popen[bytes]":
    command = ["bash", "-c", 'echo here; read -r < "$1"; echo "code $?"', "waits", path]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


@pytest.mark.parametrize("opens_first", [True, False])
def test_shell_passes_once_the_gate_is_open(tmp_path: Path, opens_first: bool) -> None:
    gate = StartGate(tmp_path / "gate")
    path = gate.shut()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    if opens_first:
        gate.open()
    process = waiting(path)
    assert process.stdout
    if not opens_first:
        assert process.stdout.readline() == b"here\n"
        assert process.poll() is None
        gate.open()
    assert process.communicate()[0].splitlines()[-1] == b"code 0"
    gate.remove()
    assert not os.path.exists(path)


def test_gate_that_opens_before_it_is_shut_makes_no_fifo(tmp_path: Path) -> None:
    gate = StartGate(tmp_path / "gate")
    assert not gate.is_open
    gate.open()
    gate.remove()
    assert gate.is_open
    assert list(tmp_path.iterdir()) == []


def test_interrupted_calls_are_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open
    answers = iter((InterruptedError(), None))

    def interrupted(*arguments: object, **how: object) -> int:
        if error := next(answers, None):
            raise error
        return real(*arguments, **how)  # type: ignore[arg-type]

    gate = StartGate(tmp_path / "gate")
    monkeypatch.setattr("doitstack.bash.start_gate.os.open", interrupted)
    gate.shut()
    monkeypatch.undo()
    gate.remove()
    assert list(tmp_path.iterdir()) == []
