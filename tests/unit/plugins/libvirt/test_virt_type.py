"""The choice between KVM and QEMU alone: by what a probe guest has shown."""

from pathlib import Path

import pytest

from doitstack.errors import SettingsError
from doitstack.stack import Stack
from doitstack_plugins.guest_image import cache
from doitstack_plugins.libvirt import plugin, virt_type
from tests.unit.plugins.libvirt.stacks import make_guests
from tests.unit.recorded_actions import RecordedActions

UP = "#!/bin/sh\necho booting; echo 'no disk: guest is up'\n"
HANGS = "#!/bin/sh\necho booting; exit 1\n"


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is there instead of /dev/kvm."""
    path = tmp_path / "kvm"
    path.touch()
    monkeypatch.setattr(virt_type, "_DEVICE", path)
    return path


def play_qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = tmp_path / "qemu"
    program.write_text(script)
    program.chmod(0o755)
    monkeypatch.setattr(virt_type, "_PROGRAM", program)


def choose(stack: Stack) -> tuple[str, str]:
    stage = RecordedActions(lambda program: None)
    with stack.acting(stage):
        return virt_type.choose(stack), stage.said[-1]


@pytest.mark.parametrize(
    ("script", "chosen", "reason"),
    [(UP, "kvm", "has come up under it"), (HANGS, "qemu", "did not come up under KVM")],
)
def test_kvm_is_used_only_if_a_probe_guest_comes_up(
    device: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    chosen: str,
    reason: str,
) -> None:
    stack = make_guests(tmp_path)
    play_qemu(tmp_path, monkeypatch, script)
    assert virt_type.planned(stack)[0] == ""
    assert "kvm or qemu: a probe guest will show" in virt_type.note(stack)
    found, said = choose(stack)
    assert found == chosen
    assert reason in said
    assert virt_type.options(stack)["virt_type"] == chosen
    # The result is kept, and the plan shows it.
    monkeypatch.setattr(virt_type, "_comes_up", lambda _: pytest.fail("probed again"))
    assert choose(stack)[0] == chosen
    note = next(step.note for step in plugin.stack_install(stack) if step.note)
    assert note.startswith(f"guests run by {chosen}: a probe guest")


def test_without_a_device_there_is_no_probe(tmp_path: Path, device: Path) -> None:
    device.unlink()
    assert choose(make_guests(tmp_path)) == ("qemu", f"guests run by qemu: {device} cannot be used")


def test_a_probe_that_hangs_is_killed(
    device: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play_qemu(tmp_path, monkeypatch, "#!/bin/sh\nexec sleep 600\n")
    monkeypatch.setattr(virt_type, "_PROBE_SECONDS", 0.2)
    assert choose(make_guests(tmp_path))[0] == "qemu"


def test_settings_override_what_is_found(tmp_path: Path, device: Path) -> None:
    stack = make_guests(tmp_path, LIBVIRT_TYPE="qemu", LIBVIRT_CPU_MODE="host-passthrough")
    assert virt_type.options(stack) == {"virt_type": "qemu", "cpu_mode": "host-passthrough"}
    with pytest.raises(SettingsError, match="LIBVIRT_TYPE=xen: use kvm or qemu"):
        virt_type.check_setting(make_guests(tmp_path, LIBVIRT_TYPE="xen").settings, "LIBVIRT_TYPE")


def test_a_probe_boots_the_image_for_guests(tmp_path: Path) -> None:
    assert cache.directory(make_guests(tmp_path)).is_relative_to(tmp_path / "cache")
