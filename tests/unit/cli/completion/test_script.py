"""The scripts by which shells complete `doit`."""

import sys

import pytest

from doitstack.__main__ import main
from doitstack.cli.completion.script import SHELLS


@pytest.mark.parametrize("shell", SHELLS)
def test_script_calls_this_python(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert f"{sys.executable} -P -m doitstack complete" in script
    assert "@" not in script.replace("[@]", "").replace("(@", "").replace("(@Q)", "")


def test_other_shells_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "fish"]) == 3
    assert capsys.readouterr().err == "ERROR: completion: for which shell? bash or zsh\n"
