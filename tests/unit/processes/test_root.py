"""Whether commands can be run as root, and how."""

from pathlib import Path

import pytest

from doitstack.processes import root


def fake_sudo(directory: Path, code: int) -> None:
    sudo = directory / "sudo"
    sudo.write_text(f"#!/bin/sh\nexit {code}\n")
    sudo.chmod(0o755)


def test_root_needs_no_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root.os, "geteuid", lambda: 0)
    assert root.root_command() == []


@pytest.mark.parametrize(("code", "command"), [(0, ["sudo", "-n"]), (1, None)])
def test_others_need_sudo_without_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, command: list[str] | None
) -> None:
    fake_sudo(tmp_path, code)
    monkeypatch.setattr(root.os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert root.root_command() == command


def test_without_sudo_nothing_runs_as_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root.os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert root.root_command() is None
