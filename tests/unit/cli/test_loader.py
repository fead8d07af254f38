"""`doit --version` and `doit --help`, which doit answers before it makes a command."""

import sys
from pathlib import Path

import pytest
from doit.version import VERSION

from doitstack.cli.loader import Loader
from doitstack.cli.overview import overview_text
from tests.unit.cli.conftest import Doit


def test_version_is_ours_and_doits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["doit", "--version"])
    with pytest.raises(SystemExit) as left:
        Loader()
    assert left.value.code == 0
    ours, doits = capsys.readouterr().out.splitlines()
    assert ours.startswith("doitstack ")
    assert doits == f"doit {'.'.join(map(str, VERSION))}"


def test_help_is_the_overview(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["doit", "--help"])
    with pytest.raises(SystemExit) as left:
        Loader()
    assert left.value.code == 0
    assert capsys.readouterr().out == overview_text()


def test_other_words_print_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["doit", "stack", "--version"])
    Loader()
    assert capsys.readouterr().out == ""


def test_empty_argument_is_a_mistake(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["doit", "tempest", ""])
    with pytest.raises(SystemExit) as left:
        Loader()
    assert left.value.code == 3
    assert capsys.readouterr().err == "ERROR: an argument is empty\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "import nosuch_module\n",
            "ModuleNotFoundError: No module named 'nosuch_module' ({}, line 1)",
        ),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3 ({}, line 2)"),
        ("def (\n", "SyntaxError: invalid syntax (dodo.py, line 1)"),
    ],
)
def test_broken_dodo_file_is_one_line(top: Path, doit: Doit, text: str, message: str) -> None:
    dodo = top / "dodo.py"
    dodo.write_text(text)
    answer = doit("plan")
    assert answer == (3, "", f"ERROR: dodo.py cannot be imported: {message.format(dodo)}\n")
