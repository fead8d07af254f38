"""`-f` and `-k`: which words of a command line locate `dodo.py`."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from doit.exceptions import InvalidDodoFile

from doitstack.planning import restart
from doitstack.planning.restart import is_configured, located, restart_if_elsewhere


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("stack", ("dodo.py", False, "stack")),
        ("-k stack", ("dodo.py", True, "stack")),
        ("-f x/dodo.py stack", ("x/dodo.py", False, "stack")),
        ("-fx/dodo.py -n 4 stack", ("x/dodo.py", False, "-n 4 stack")),
        ("--file=x.py list --all", ("x.py", False, "list --all")),
        ("list --seek-file", ("dodo.py", True, "list")),
        ("-n 4 -k stack", ("dodo.py", True, "-n 4 stack")),
        ("-k log build -f", ("dodo.py", True, "log build -f")),
        ("-f", ("dodo.py", False, "")),
    ],
)
def test_words_that_locate_are_taken_out(line: str, expected: tuple[str, bool, str]) -> None:
    file, seeks, words = expected
    assert located(line.split()) == (file, seeks, words.split())


def test_directory_is_configured_by_either_file(tmp_path: Path) -> None:
    assert not is_configured(tmp_path)
    (tmp_path / "doit.cfg").write_text("[COMMAND]\nrun = doitstack.commands:Run\n")
    assert is_configured(tmp_path)


@pytest.fixture
def as_doit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Run as doit with its own commands, started in `tmp_path/sub`; record what is executed."""
    started: list[Any] = []
    monkeypatch.chdir(tmp_path)
    loader = SimpleNamespace(initial_workdir=str(tmp_path / "sub"))
    monkeypatch.setitem(sys.modules, "doit.loader", loader)
    monkeypatch.delitem(sys.modules, "doitstack.commands", raising=False)
    monkeypatch.setattr(sys, "argv", ["/bin/doit", "-k", "plan"])
    monkeypatch.setattr(sys, "orig_argv", ["python", "/bin/doit", "-k", "plan"])
    monkeypatch.setattr(os, "execve", lambda *words: started.append(words))
    monkeypatch.setenv("DOIT_SEEK_FILE", "1")
    return started


def test_doit_starts_again_in_the_stack_directory(tmp_path: Path, as_doit: list[Any]) -> None:
    (tmp_path / "doit.cfg").write_text("[COMMAND]\nplan = doitstack.commands:Plan\n")
    restart_if_elsewhere()
    ((program, words, environ),) = as_doit
    assert program == sys.executable
    assert words == [sys.executable, "/bin/doit", "plan"]
    assert environ[restart._STARTED_IN] == str(tmp_path / "sub")
    assert "DOIT_SEEK_FILE" not in environ


def test_directory_without_our_commands_is_a_mistake(tmp_path: Path, as_doit: list[Any]) -> None:
    with pytest.raises(InvalidDodoFile, match=f"python -m doitstack init {tmp_path}"):
        restart_if_elsewhere()
    assert as_doit == []


def test_relative_files_are_those_of_the_first_directory(
    tmp_path: Path, as_doit: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "doit.cfg").write_text("[COMMAND]\nplan = doitstack.commands:Plan\n")
    monkeypatch.setenv(restart._STARTED_IN, "/elsewhere")
    monkeypatch.setitem(sys.modules, "doitstack.commands", SimpleNamespace())
    restart_if_elsewhere()
    loader: Any = sys.modules["doit.loader"]
    assert loader.initial_workdir == "/elsewhere"
    assert restart._STARTED_IN not in os.environ


def test_other_programs_are_left_alone(as_doit: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/bin/pytest"])
    restart_if_elsewhere()
    assert as_doit == []
