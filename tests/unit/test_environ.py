"""What programs of a run find in their environment."""

import os
from pathlib import Path

import pytest

from doitstack import environ
from doitstack.environ import run_environment
from doitstack.settings import load_settings
from doitstack.stack import Stack


def uv_system_certs(top_dir: Path, **variables: str) -> str:
    """Return what a run tells uv about the system's certificates."""
    with run_environment(Stack(load_settings(top_dir, variables)), {}):
        return os.environ["UV_SYSTEM_CERTS"]


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a system's certificates, which is not there yet."""
    monkeypatch.delenv("UV_SYSTEM_CERTS", raising=False)
    directory = tmp_path / "certs"
    monkeypatch.setattr(environ, "CERTIFICATES", directory)
    return directory


def test_uv_trusts_whom_the_system_trusts(tmp_path: Path, certificates: Path) -> None:
    certificates.mkdir()
    (certificates / "company.pem").touch()
    assert uv_system_certs(tmp_path) == "true"
    assert "UV_SYSTEM_CERTS" not in os.environ


def test_uv_trusts_its_own_list_where_the_system_has_none(
    tmp_path: Path, certificates: Path
) -> None:
    assert uv_system_certs(tmp_path) == "false"
    certificates.mkdir()
    assert uv_system_certs(tmp_path) == "false"


def test_uv_trusts_whom_the_user_says(tmp_path: Path, certificates: Path) -> None:
    assert uv_system_certs(tmp_path, UV_SYSTEM_CERTS="true") == "true"
