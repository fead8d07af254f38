"""`python -m doitstack request`."""

from pathlib import Path

import pytest

from doitstack.cli.request import main


def test_request_is_answered_without_a_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOP_DIR", str(tmp_path))
    code = main(["no-such-request"])
    assert code != 0
    assert "no-such-request" in capsys.readouterr().err
