"""What volume groups need of the machine."""

import os
import subprocess
from pathlib import Path

import pytest

from doitstack.errors import SettingsError, StepError
from doitstack.stack import Stack
from doitstack_plugins.lvm import device_mapper, needs, volume_groups
from tests.unit.plugins.cinder.test_backends import make

GROUP = "stack-volumes-one"


def make_lvm(top_dir: Path, **environ: str) -> Stack:
    return make(top_dir, CINDER_ENABLED_BACKENDS="lvm:one", **environ)


@pytest.fixture(autouse=True)
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A kernel with all that is needed, of which we are root, on a machine without LVM."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(device_mapper, "lack", lambda: "")
    monkeypatch.setattr(needs, "_LOOP", tmp_path)
    monkeypatch.setattr(needs, "_LVM", "/nonexistent")


def test_a_machine_with_all_is_not_refused(tmp_path: Path) -> None:
    for check in needs.CHECKS:
        check(make_lvm(tmp_path))


def test_all_that_the_kernel_lacks_is_told_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_mapper, "lack", lambda: "the kernel has none")
    monkeypatch.setattr(needs, "_LOOP", Path("/nonexistent"))
    with pytest.raises(StepError) as caught:
        needs.check_kernel(make_lvm(tmp_path))
    assert str(caught.value) == (
        "volumes of LVM need device mapper and loop devices: the kernel has none; "
        "there is no /nonexistent; use another kernel, in a container load the modules on its host "
        "and let it use the devices, or set CINDER_ENABLED_BACKENDS=nfs:nfs, for volumes in files"
    )


def test_lvm_needs_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(StepError, match="as root, or set CINDER_ENABLED_BACKENDS=nfs:nfs"):
        needs.check_kernel(make_lvm(tmp_path))


@pytest.mark.parametrize("services", ["key,c-vol,n-api", "key,c-vol,n-api,n-cpu"])
def test_servers_must_be_on_the_same_host(tmp_path: Path, services: str) -> None:
    stack = make_lvm(tmp_path, ENABLED_SERVICES=services)
    if "n-cpu" in services:
        needs.check_guests(stack)
    else:
        with pytest.raises(SettingsError, match="of the same host, which has no n-cpu"):
            needs.check_guests(stack)


def test_volumes_without_servers_may_be_anywhere(tmp_path: Path) -> None:
    needs.check_guests(make_lvm(tmp_path, ENABLED_SERVICES="key,mysql,rabbit,c-api,c-vol"))


def test_an_active_group_of_others_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = tmp_path / "block"
    for number, name in enumerate(
        ("stack--volumes--one-pool", "stack--volumes--one--more-a", "other-b")
    ):
        (block / f"dm-{number}/dm").mkdir(parents=True)
        (block / f"dm-{number}/dm/name").write_text(f"{name}\n")
    monkeypatch.setattr(needs, "_BLOCKS", block)
    assert needs._active(GROUP) == {"stack--volumes--one-pool"}
    stack = make_lvm(tmp_path)
    with pytest.raises(SettingsError, match=f"{GROUP} already.*set VOLUME_GROUP_NAME"):
        needs.check_names(stack)
    monkeypatch.setattr(volume_groups, "mapped", lambda _: {"stack--volumes--one-pool"})
    needs.check_names(stack)


def test_a_group_that_the_system_sees_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "lvm"
    program.write_text(f'#!/bin/sh\necho "  /dev/sdz"\ntest "$7" = {GROUP}\n')
    program.chmod(0o755)
    monkeypatch.setattr(needs, "_LVM", str(program))
    with pytest.raises(SettingsError, match=f"{GROUP} already"):
        needs.check_names(make_lvm(tmp_path))
    monkeypatch.setattr(volume_groups, "devices", lambda _: {Path("/dev/sdz"): "file"})
    needs.check_names(make_lvm(tmp_path))


def test_names_are_those_that_lvm_takes() -> None:
    assert all(map(needs.is_name, ("stack-volumes", "a", "A_1.+")))
    assert not any(map(needs.is_name, ("", "-a", "a b", "a/b", "ä")))


def test_no_program_of_lvm_runs_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(subprocess, "run", run)
    assert needs._physical(GROUP) == set()
