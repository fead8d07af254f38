"""Plugin repositories are fetched before the plan is made."""

import subprocess
from pathlib import Path

import pytest
from doit.exceptions import InvalidDodoFile

from doitstack.cli.fetch_plugins import fetch_plugins
from doitstack.planning.stack_directory import StackDirectory


def _directory(top: Path, url: str) -> StackDirectory:
    (top / "local.conf").write_text(f"[[local|localrc]]\nenable_plugin demo {url}\n")
    return StackDirectory(top)


def test_nothing_to_fetch_leaves_dest_alone(tmp_path: Path) -> None:
    fetch_plugins(StackDirectory(tmp_path, {}))
    assert list(tmp_path.iterdir()) == []


def test_repository_is_cloned_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = tmp_path / "repository"
    subprocess.run(["git", "init", "-q", str(url)], check=True)
    commit = ["-c", "user.name=x", "-c", "user.email=x@x", "commit", "-q", "--allow-empty", "-mx"]
    subprocess.run(["git", "-C", str(url), *commit], check=True)

    fetch_plugins(_directory(tmp_path, str(url)))

    clone = tmp_path / ".stack" / "demo"
    assert (clone / ".git").is_dir()
    assert capsys.readouterr().out == f"cloning plugin demo from {url} to {clone}\n"


def test_failure_is_a_mistake_of_the_stack_directory(tmp_path: Path) -> None:
    with pytest.raises(InvalidDodoFile, match="plugin demo: cannot be fetched from"):
        fetch_plugins(_directory(tmp_path, str(tmp_path / "missing")))
