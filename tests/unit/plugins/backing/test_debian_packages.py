"""Packages of the system, with apt and dpkg only played."""

import os
import shutil
from pathlib import Path

import pytest

from doitstack.errors import StepError
from doitstack.stack import Stack
from doitstack_plugins.backing import debian_packages
from tests.unit.recorded_actions import RecordedActions, make_stack


@pytest.fixture
def debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of programs in which dpkg has memcached, and apt has only MariaDB."""
    programs = {
        "dpkg-query": "echo installed memcached 1.6; echo config-files mariadb-server 10.11",
        "apt-cache": "echo mariadb-server:; echo '  Candidate: 1'; "
        "echo rabbitmq-server:; echo '  Candidate: (none)'",
        "apt-get": "exit 9",
    }
    directory = tmp_path / "programs"
    directory.mkdir()
    for name, text in programs.items():
        path = directory / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    (directory / "sh").symlink_to(shutil.which("sh") or "/bin/sh")
    monkeypatch.setenv("PATH", str(directory))
    return directory


def make(tmp_path: Path, services: str) -> Stack:
    return make_stack(tmp_path, ENABLED_SERVICES=services)


def test_packages_are_for_the_services_that_are_enabled(tmp_path: Path) -> None:
    assert debian_packages.wanted(make(tmp_path, "key,tempest")) == []
    assert debian_packages.wanted(make(tmp_path, "key,rabbit,memcached")) == [
        *("memcached", "rabbitmq-server")
    ]


def test_volume_groups_need_lvm(tmp_path: Path) -> None:
    stack = make(tmp_path, "c-vol")
    for kind, packages in (("nfs", []), ("lvm", ["lvm2", "thin-provisioning-tools"])):
        stack.settings.update({"CINDER_ENABLED_BACKENDS": f"{kind}:one"})
        assert debian_packages.wanted(stack) == packages


def test_installation_holds_the_lock_of_apt(tmp_path: Path) -> None:
    [step] = debian_packages.stack_install(make(tmp_path, "mysql"))
    assert (step.name, step.lock) == (debian_packages.FUTURE, "apt")


def test_only_what_is_missing_is_installed(debian: Path, tmp_path: Path) -> None:
    stack = make(tmp_path, "mysql,memcached")
    assert debian_packages.missing(stack) == ["mariadb-server"]
    assert not debian_packages.are_installed(stack)
    assert debian_packages.are_installed(make(tmp_path, "memcached"))
    stage = RecordedActions(lambda program: None)
    with stack.acting(stage):
        debian_packages.install_system_packages(stack)
    assert list(stage.programs[0].argv)[-1:] == ["mariadb-server"]


def test_all_problems_are_reported_together_with_their_solutions(
    debian: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(StepError) as error:
        debian_packages.check_system_packages(make(tmp_path, "mysql,rabbit"))
    said = str(error.value)
    assert "sudo apt-get install --no-install-recommends mariadb-server rabbitmq-server" in said
    assert "apt has no rabbitmq-server" in said


def test_other_distributions_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StepError, match="mysql, rabbit need packages of Debian or Ubuntu"):
        debian_packages.check_system_packages(make(tmp_path, "mysql,rabbit"))
