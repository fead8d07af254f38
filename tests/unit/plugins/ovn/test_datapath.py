"""The choice of the datapath."""

from pathlib import Path

import pytest

from doitstack.errors import SettingsError
from doitstack_plugins.ovn import datapath
from tests.unit.plugins.ovn.stacks import make_ovn


@pytest.mark.parametrize(("family", "is_there"), [(b"nlctrl\0", True), (b"no_such\0", False)])
def test_the_kernel_is_asked(
    monkeypatch: pytest.MonkeyPatch, family: bytes, is_there: bool
) -> None:
    monkeypatch.setattr(datapath, "_FAMILY", family)
    assert datapath.kernel_has_one() == is_there


@pytest.mark.parametrize(
    ("has_one", "given", "kind", "reason"),
    [
        (True, "", "system", "the kernel has it"),
        (False, "", "netdev", "the kernel has no openvswitch module"),
        (True, "netdev", "netdev", "OVS_DATAPATH_TYPE is set"),
    ],
)
def test_the_kernels_datapath_is_used_if_there_is_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    has_one: bool,
    given: str,
    kind: str,
    reason: str,
) -> None:
    monkeypatch.setattr(datapath, "kernel_has_one", lambda: has_one)
    stack = make_ovn(tmp_path, OVS_DATAPATH_TYPE=given)
    assert (datapath.kind(stack), datapath.reason(stack)) == (kind, reason)


def test_another_type_is_a_mistake(tmp_path: Path) -> None:
    settings = make_ovn(tmp_path, OVS_DATAPATH_TYPE="dpdk").settings
    with pytest.raises(SettingsError, match=r"OVS_DATAPATH_TYPE.*use system .* or netdev"):
        datapath.check_kind(settings, "OVS_DATAPATH_TYPE")


def test_default_of_scripts_decides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datapath, "kernel_has_one", lambda: False)
    stack = make_ovn(tmp_path)
    stack.settings.update({"OVS_DATAPATH_TYPE": "system"})
    assert datapath.kind(stack) == "netdev"
    assert datapath.reason(stack) == "the kernel has no openvswitch module"


def test_scripts_are_told_the_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datapath, "kernel_has_one", lambda: False)
    assert make_ovn(tmp_path).settings["OVS_DATAPATH_TYPE"] == "netdev"
    given = make_ovn(tmp_path, OVS_DATAPATH_TYPE="system")
    assert given.settings["OVS_DATAPATH_TYPE"] == "system"
    unwired = make_ovn(tmp_path, ENABLED_SERVICES="neutron-api")
    assert unwired.settings.get("OVS_DATAPATH_TYPE") == ""
