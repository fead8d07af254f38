"""doit's own commands in directories that are no stack directories."""

import sys
from pathlib import Path

import pytest
from doit.cmd_list import List as DoitList
from doit.doit_cmd import DoitMain

from doitstack.cli import anywhere
from doitstack.cli.run import Run


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_class_is_doits_own(empty: Path) -> None:
    found = anywhere.List
    assert issubclass(found, DoitList)
    assert (found.get_name(), found.doc_purpose) == ("list", DoitList.doc_purpose)


def test_configuration_of_the_directory_wins(empty: Path) -> None:
    (empty / "doit.cfg").write_text("[COMMAND]\nrun = doitstack.commands:Run\n")
    assert anywhere.Run is Run


@pytest.mark.parametrize("command", ["stack", "plan", "list", "clean"])
def test_message_names_a_stack_directory(
    empty: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["doit", command])
    assert DoitMain().run([command]) == 3
    assert "python -m doitstack init" in capfd.readouterr().err

    (empty / "dodo.py").touch()
    (empty / "sub").mkdir()
    monkeypatch.chdir(empty / "sub")
    assert DoitMain().run([command]) == 3
    assert f"{empty} has one: use `doit -k {command}`" in capfd.readouterr().err


def test_named_file_that_is_missing_is_doits_message(
    empty: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert DoitMain().run(["-f", "x.py", "list"]) == 3
    assert "doitstack" not in capfd.readouterr().err


def test_directory_that_is_gone_is_named_so(
    empty: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    gone = empty / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert DoitMain().run(["stack"]) == 3
    assert capfd.readouterr().err == "ERROR: the current directory does not exist any more\n"


def test_other_names_are_unknown() -> None:
    with pytest.raises(AttributeError):
        anywhere.Plan  # noqa: B018 - the access is the test
