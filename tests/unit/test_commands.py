"""The commands by the names that users have in their files."""

import subprocess
import sys

import pytest

from doitstack import commands
from doitstack.cli import COMMANDS, command_name


@pytest.mark.parametrize("name", COMMANDS)
def test_command_is_found_by_its_name(name: str) -> None:
    assert getattr(commands, name).get_name() == command_name(name)


def test_another_name_is_no_command() -> None:
    with pytest.raises(AttributeError):
        commands.No  # noqa: B018 - the access is the test


def test_one_command_does_not_import_the_others() -> None:
    script = (
        "import sys, doitstack.commands as c; c.Plugins; print('doitstack.cli.run' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_little_is_imported_before_the_loader_is_asked_for() -> None:
    script = (
        "import sys, doitstack.commands; print(sorted(n for n in sys.modules if 'doitst' in n))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "['doitstack', 'doitstack.cli', 'doitstack.commands']\n"


def test_early_ctrl_c_is_silent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    assert commands.Loader.__name__ == "Loader"
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert capsys.readouterr().err == ""
    sys.excepthook(ValueError, ValueError("odd"), None)
    assert "ValueError: odd" in capsys.readouterr().err
