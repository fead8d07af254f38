"""`doit --version` and `doit --help`, which doit answers before it makes a command."""

import sys

import pytest
from doit.version import VERSION

from doitstack.cli.loader import Loader
from doitstack.cli.overview import overview_text


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
