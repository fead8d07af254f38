"""What guests need, each reported with its use and what to do."""

import os
from pathlib import Path

import pytest

from doitstack.errors import SettingsError, StepError
from doitstack.stack import Stack
from doitstack_plugins.libvirt import needs, plugin
from tests.unit.plugins.libvirt.stacks import make_guests

PROGRAMS = {
    "dpkg-query": "echo installed libvirt-daemon 7.0.0-3",
    "apt-cache": """
        [ "$*" = "policy qemu-system-x86" ] || exit 1
        echo qemu-system-x86:
        echo '  Installed: (none)'
        echo '  Candidate: 1:5.2+dfsg-11'
    """,
}


@pytest.fixture
def old_debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in PROGRAMS.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return make_guests(tmp_path)


def test_versions_that_nova_refuses_are_named_before_they_are_installed(old_debian: Stack) -> None:
    with pytest.raises(StepError) as error:
        needs.check_versions(old_debian)
    assert "libvirt-daemon is 7.0.0, nova needs 8.0.0" in str(error.value)
    assert "qemu-system-x86 is 5.2.0, nova needs 6.2.0" in str(error.value)


def test_all_that_is_missing_is_reported_together(
    old_debian: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(needs, "_DEVICES", {"/dev/nothing": "a test"})
    with pytest.raises(StepError) as error:
        plugin.check_libvirt(old_debian)
    said = str(error.value)
    assert said.count("VIRT_DRIVER=fake") == 4
    assert "guests need root" in said
    assert "/dev/nothing (a test)" in said
    assert "libvirt-daemon is 7.0.0" in said


def test_a_file_system_that_the_kernel_can_load_is_not_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(needs, "_FILE_SYSTEMS", {"later": "a test", "never": "another"})
    (tmp_path / "modprobe").write_text("#!/bin/sh\necho $* >&2\n[ $3 = later ]\n")
    (tmp_path / "modprobe").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(StepError) as error:
        needs.check_kernel(make_guests(tmp_path))
    assert "the file system never (another)" in str(error.value)
    assert "later" not in str(error.value)


def test_a_stack_that_guests_could_not_see_is_refused(tmp_path: Path) -> None:
    stack = make_guests(tmp_path, DEST="/var/lib/stack")
    with pytest.raises(SettingsError, match="DEST=/var/lib/stack: libvirt's directories"):
        needs.check_place(stack)
    needs.check_place(make_guests(tmp_path))


@pytest.mark.parametrize(
    ("text", "found"),
    [("1:7.2+dfsg-7+deb12u18", (7, 2, 0)), ("9.0.0-4", (9, 0, 0)), ("", None), ("(none)", None)],
)
def test_versions_are_read_from_those_of_packages(
    text: str, found: tuple[int, int, int] | None
) -> None:
    assert needs.version(text) == found


def test_networks_must_carry_packets(tmp_path: Path) -> None:
    stack = make_guests(tmp_path)
    with pytest.raises(SettingsError, match="enable_service ovn-controller"):
        needs.check_network(stack)
    stack.settings.enable_service("ovn-controller")
    needs.check_network(stack)
