"""`python -m doitstack shell-library`."""

from pathlib import Path

import pytest

from doitstack.__main__ import main


def test_library_is_a_file_to_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shell-library"]) == 0
    path = Path(capsys.readouterr().out.rstrip("\n"))
    assert path.name == "library.sh"
    assert path.is_file()
