"""What programs of a run find in their environment."""

import os
from pathlib import Path

import pytest

from doitstack.config.settings import load_settings
from doitstack.engine import environment_variables
from doitstack.engine.environment_variables import run_environment
from doitstack.stack import Stack


def in_run(top_dir: Path, name: str, **variables: str) -> str | None:
    """Return the value of `name` in a run that was started with `variables`."""
    with run_environment(Stack(load_settings(top_dir, variables)), {}):
        return os.environ.get(name)


def uv_system_certs(top_dir: Path, **variables: str) -> str:
    """Return whether uv uses the system's certificates in a run."""
    with run_environment(Stack(load_settings(top_dir, variables)), {}):
        return os.environ["UV_SYSTEM_CERTS"]


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a system's certificates, which is not there yet."""
    monkeypatch.delenv("UV_SYSTEM_CERTS", raising=False)
    directory = tmp_path / "certs"
    monkeypatch.setattr(environment_variables, "CERTIFICATES", directory)
    return directory


def test_uv_trusts_whom_the_system_trusts(tmp_path: Path, certificates: Path) -> None:
    certificates.mkdir()
    (certificates / "company.pem").touch()
    assert uv_system_certs(tmp_path) == "true"
    assert "UV_SYSTEM_CERTS" not in os.environ


def test_uv_trusts_its_list_if_the_system_has_none(tmp_path: Path, certificates: Path) -> None:
    assert uv_system_certs(tmp_path) == "false"
    certificates.mkdir()
    assert uv_system_certs(tmp_path) == "false"


def test_user_decides_which_certificates_uv_trusts(tmp_path: Path, certificates: Path) -> None:
    assert uv_system_certs(tmp_path, UV_SYSTEM_CERTS="true") == "true"


def test_own_services_are_reached_past_a_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    proxy = {"http_proxy": "http://proxy:3128", "SERVICE_HOST": "10.0.0.7"}
    for name in ("no_proxy", "NO_PROXY"):
        assert in_run(tmp_path, name) is None
        assert in_run(tmp_path, name, **proxy) == "localhost,127.0.0.1,10.0.0.7"
    (tmp_path / "local.conf").write_text("[[local|localrc]]\nhttp_proxy=http://mine:1\n")
    assert in_run(tmp_path, "http_proxy") == "http://mine:1"
    assert in_run(tmp_path, "no_proxy") == "localhost,127.0.0.1"
    proxy_6 = {**proxy, "SERVICE_HOST": "[::1]"}
    assert in_run(tmp_path, "no_proxy", **proxy_6) == "localhost,127.0.0.1,::1"
    told = in_run(tmp_path, "no_proxy", NO_PROXY="example.org,127.0.0.1", **proxy)
    assert told == "example.org,127.0.0.1,localhost,10.0.0.7"
