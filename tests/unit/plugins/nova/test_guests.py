"""The configuration of computes with guests."""

import shlex
from pathlib import Path

import pytest

from doitstack.errors import SettingsError
from doitstack_plugins.nova import conf, guests
from doitstack_plugins.nova.plugin import plugin as nova
from tests.unit.plugins.libvirt.stacks import make_guests


def test_a_compute_with_guests_is_the_machine_itself(tmp_path: Path) -> None:
    stack = make_guests(tmp_path, NUMBER_FAKE_NOVA_COMPUTE="3")
    assert [conf.compute_host(stack, number) for number in conf.computes(stack)] == ["vm"]
    assert conf.sections(stack)["DEFAULT"]["compute_driver"] == "libvirt.LibvirtDriver"
    assert "libvirt-python" in conf.environment(stack).requirements


def test_helpers_read_the_configuration_of_the_compute(tmp_path: Path) -> None:
    stack = make_guests(tmp_path, DEST=str(tmp_path / "a b"), LIBVIRT_TYPE="qemu")
    own = conf.conf_dir(stack) / "nova_cpu1.conf"
    sections = guests.sections(stack, own, conf.environment(stack))
    assert sections["libvirt"]["virt_type"] == "qemu"
    words = shlex.split(sections["vif_plug_ovs_privileged"]["helper_command"])
    assert words[-2:] == ["--config-file", str(own)]


def test_an_unknown_driver_is_refused(tmp_path: Path) -> None:
    settings = make_guests(tmp_path, VIRT_DRIVER="zvm").settings
    with pytest.raises(SettingsError, match="VIRT_DRIVER=zvm: use fake or libvirt"):
        conf.check_driver(settings, "VIRT_DRIVER")


def test_network_cards_are_made_in_the_network_of_the_stack(tmp_path: Path) -> None:
    stack = make_guests(tmp_path, LIBVIRT_TYPE="qemu")
    stack.settings.enable_service("ovn-controller")
    sections = guests.sections(stack, tmp_path / "own.conf", conf.environment(stack))
    first = {
        name: shlex.split(words["helper_command"])[0]
        for name, words in sections.items()
        if "helper_command" in words
    }
    enter = str(stack.data_dir / "ovn" / "enter")
    assert [name for name, word in first.items() if word == enter] == [
        *("vif_plug_ovs_privileged", "vif_plug_linux_bridge_privileged")
    ]
    assert sections["os_vif_ovs"]["ovsdb_connection"].startswith("unix:")


def test_servers_are_where_scripts_are_told(tmp_path: Path) -> None:
    stack = make_guests(tmp_path)
    path = conf.compute_state(stack, 1) / "instances"
    assert stack.settings["NOVA_INSTANCES_PATH"] == str(path)
    (tmp_path / "disk").mkdir()
    other = make_guests(tmp_path / "disk", NOVA_INSTANCES_PATH=str(tmp_path / "disk/servers"))
    nova.configure(other)
    written = (conf.conf_dir(other) / "nova_cpu1.conf").read_text()
    assert f"instances_path = {tmp_path}/disk/servers\n" in written
    assert (tmp_path / "disk/servers").is_dir()
    with pytest.raises(SettingsError, match="NOVA_INSTANCES_PATH=servers: use an absolute path"):
        nova.checked_settings["NOVA_INSTANCES_PATH"](
            make_guests(tmp_path, NOVA_INSTANCES_PATH="servers").settings, "NOVA_INSTANCES_PATH"
        )
