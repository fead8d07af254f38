"""Commands of `doit`, run in this process in a stack directory of a test's own."""

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from doit.doit_cmd import DoitMain

from tests.conftest import COMMANDS

Doit = Callable[..., tuple[int, str, str]]
"""Runs `doit` with these words; returns its exit code, stdout and stderr."""


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a new stack directory without services."""
    top = tmp_path / "stack"
    top.mkdir()
    (top / "dodo.py").write_text("from doitstack.dodo import *\n")
    (top / "pyproject.toml").write_text(COMMANDS)
    monkeypatch.chdir(top)
    monkeypatch.setenv("ENABLED_SERVICES", ",")
    monkeypatch.setattr(sys, "path", [*sys.path])
    return top


@pytest.fixture(autouse=True)
def same_sigpipe() -> Iterator[None]:
    """Restore how SIGPIPE is handled: commands that write to stdout change it."""
    before = signal.getsignal(signal.SIGPIPE)
    yield
    signal.signal(signal.SIGPIPE, before)


@pytest.fixture
def doit(top: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Doit:
    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.delitem(sys.modules, "dodo", raising=False)
        code = DoitMain().run(list(words))
        return (int(code), *capfd.readouterr())

    return run


@pytest.fixture(autouse=True)
def same_excepthook(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore what shows exceptions: doit's loader changes it."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
