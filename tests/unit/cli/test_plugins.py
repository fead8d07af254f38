"""`doit plugins`."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Doit


def test_plugins_are_listed_with_their_turns(top: Path, doit: Doit) -> None:
    script = top / "extras.d" / "50-demo.sh"
    script.parent.mkdir()
    script.write_text("")
    code, out, _ = doit("plugins")
    assert code == 0
    assert out.splitlines()[0].split() == ["plugin", "stack", "unstack", "found", "in", "hooks"]
    assert out.splitlines()[-1].split()[:4:3] == ["demo", "extras.d/50-demo.sh"]
    last = json.loads(doit("plugins", "--json")[1])[-1]
    assert (last["plugin"], last["unstack"], last["found_in"]) == ("demo", 1, str(script))


def test_table_fits_the_terminal(doit: Doit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, doit("plugins")[1].splitlines())) <= 80


def test_arguments_are_refused(doit: Doit) -> None:
    code, out, err = doit("plugins", "demo")
    assert code == 3
    assert "plugins takes no arguments: demo" in out + err
