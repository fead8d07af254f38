"""Which back end there is if none is named, and what the plan says of it."""

import os
from pathlib import Path

import pytest

from doitstack_plugins.cinder import default_backend, files
from doitstack_plugins.lvm import device_mapper, volume_groups
from tests.unit.plugins.cinder.test_backends import make

ELSEWHERE = "key,mysql,rabbit,c-api,c-sch,c-vol,n-api"


@pytest.fixture(autouse=True)
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel with device mapper, of which we are root."""
    monkeypatch.setattr(device_mapper, "lack", lambda: "")
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def note(top_dir: Path, **environ: str) -> str:
    return default_backend.note(make(top_dir, **environ))


def test_volumes_are_in_lvm_where_the_kernel_can(tmp_path: Path) -> None:
    says = "volumes are kept in LVM (lvm:lvmdriver-1): the kernel has device mapper"
    assert note(tmp_path) == says


def test_volumes_are_in_files_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_mapper, "lack", lambda: "the kernel has no device mapper")
    assert note(tmp_path) == "volumes are kept in files (nfs:nfs): the kernel has no device mapper"


def test_only_root_has_lvm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert note(tmp_path) == "volumes are kept in files (nfs:nfs): LVM needs root"


@pytest.mark.parametrize("environ", [{"ENABLED_SERVICES": ELSEWHERE}, {"THIS_HOST": "two"}])
def test_volumes_are_in_files_if_servers_may_be_on_other_hosts(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    assert note(tmp_path, **environ).endswith("(nfs:nfs): servers may be on other hosts")


def test_volumes_stay_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = make(tmp_path)
    group = volume_groups.group(stack.settings, "lvmdriver-1")
    in_files, in_lvm = (
        files.image(stack.data_dir / "cinder", "nfs"),
        volume_groups.backing_file(stack.data_dir, group),
    )
    for file, lack, chosen in ((in_files, "", "nfs:nfs"), (in_lvm, "none", "lvm:lvmdriver-1")):
        monkeypatch.setattr(device_mapper, "lack", lambda lack=lack: lack)
        file.parent.mkdir(parents=True)
        file.touch()
        assert default_backend.found(make(tmp_path).settings) == (
            chosen,
            "an earlier run has put them there",
        )
        file.unlink()


def test_what_the_user_sets_counts(tmp_path: Path) -> None:
    says = "volumes are kept in files and nowhere (nfs:a,fake:b): CINDER_ENABLED_BACKENDS is set"
    assert note(tmp_path, CINDER_ENABLED_BACKENDS="nfs:a,fake:b") == says


def test_volumes_hold_nothing_if_servers_do_not_run(tmp_path: Path) -> None:
    says = "volumes are kept nowhere (fake:fake): servers do not run"
    assert note(tmp_path, VIRT_DRIVER="fake") == says
