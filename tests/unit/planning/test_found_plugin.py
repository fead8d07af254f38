"""Whatever an import raises names the plugin and the place."""

from pathlib import Path

import pytest

from doitstack.errors import PluginError
from tests.unit.planning.drop_ins import drop_in, find, refusal


def test_import_error_names_the_file_and_the_line(tmp_path: Path) -> None:
    path = drop_in(tmp_path, "import no_such_module\n")
    with pytest.raises(PluginError) as raised:
        find(tmp_path)
    assert str(raised.value) == (
        f"plugin demo: {path} cannot be imported: ModuleNotFoundError: "
        f"No module named 'no_such_module' ({path}, line 3)"
    )
    assert isinstance(raised.value.__cause__, ModuleNotFoundError)


def test_syntax_error_names_the_file_and_the_line(tmp_path: Path) -> None:
    path = drop_in(tmp_path, "def f(:\n")
    assert refusal(tmp_path) == (
        f"plugin demo: {path} cannot be imported: SyntaxError: invalid syntax (50-demo.py, line 3)"
    )


def test_import_that_exits_is_blamed(tmp_path: Path) -> None:
    path = drop_in(tmp_path, "raise SystemExit('not here')\n")
    assert refusal(tmp_path) == (
        f"plugin demo: {path} cannot be imported: SystemExit: not here ({path}, line 3)"
    )
