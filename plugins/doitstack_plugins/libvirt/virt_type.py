"""Whether guests run by KVM or by QEMU alone: KVM only where a probe guest has come up under it.

A machine can have a /dev/kvm that is of no use, so having it is not enough. The probe is a guest
of the image for guests, without a disk, which says so and ends. Its result is kept in the cache,
as it changes only with the kernel and QEMU.
"""

import os
import subprocess
from pathlib import Path

from doitstack import Settings, Stack
from doitstack.config.cache_directories import GUESTS, cache_directory
from doitstack.private_files import has_text, write_private
from doitstack.uptodate import digest
from doitstack_plugins.guest_image import cache as images

KVM, QEMU = "kvm", "qemu"

_DEVICE = Path("/dev/kvm")
_PROGRAM = Path("/usr/bin/qemu-system-x86_64")
_UP = b"guest is up"
_PROBE_SECONDS = 20
"""The time in which a probe guest must be up. By KVM it takes one second, even without it five."""

_MODELS = {KVM: "Nehalem", QEMU: "qemu64"}
"""The processor of guests: DevStack's, and one all of whose features QEMU has without KVM."""


def check_setting(settings: Settings, name: str) -> None:
    """Raise SettingsError for a type that there is not; an empty one means the one that works."""
    if settings[name] not in ("", KVM, QEMU):
        raise settings.mistake(name, f"use {KVM} or {QEMU}, or leave it out")


def planned(stack: Stack) -> tuple[str, str]:
    """Return which type is used, empty if only a probe can tell, and why. Changes nothing."""
    chosen = stack.settings.get("LIBVIRT_TYPE")
    if chosen:
        return chosen, "LIBVIRT_TYPE is set"
    if not os.access(_DEVICE, os.R_OK | os.W_OK):
        return QEMU, f"{_DEVICE} cannot be used"
    if has_text(_result(stack), KVM):
        return KVM, "a probe guest has come up under it"
    if has_text(_result(stack), QEMU):
        return QEMU, "a probe guest did not come up under KVM"
    return "", f"a probe guest will show whether {_DEVICE} is of use"


def note(stack: Stack) -> str:
    """Return which type is used, and why, for the user."""
    chosen, reason = planned(stack)
    return f"guests run by {chosen or f'{KVM} or {QEMU}'}: {reason}"


def choose(stack: Stack) -> str:
    """Return which type is used; start a probe guest if only that can tell."""
    chosen = planned(stack)[0]
    if not chosen:
        write_private(_result(stack), KVM if _comes_up(stack) else QEMU)
        chosen = planned(stack)[0]
    stack.say(note(stack))
    return chosen


def options(stack: Stack) -> dict[str, str]:
    """Return nova's options for the type; `choose` has been called before."""
    chosen = planned(stack)[0] or QEMU
    mode = stack.settings.get("LIBVIRT_CPU_MODE") or "custom"
    found = {"virt_type": chosen, "cpu_mode": mode}
    if mode == "custom":
        found["cpu_models"] = stack.settings.get("LIBVIRT_CPU_MODEL") or _MODELS[chosen]
    return found


def _comes_up(stack: Stack) -> bool:
    """Return whether a guest without a disk says that it is up; it is killed if it does not."""
    image = images.directory(stack)
    argv = [str(_PROGRAM), "-accel", "kvm", "-cpu", _MODELS[KVM], "-m", "128", "-nodefaults"]
    argv += ["-display", "none", "-serial", "stdio", "-no-reboot", "-append", "console=ttyS0 quiet"]
    argv += ["-kernel", str(image / images.KERNEL), "-initrd", str(image / images.INITRD)]
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_PROBE_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return _UP in done.stdout


def _result(stack: Stack) -> Path:
    return cache_directory(stack.settings) / GUESTS / f"virt-type-{_machine()}"


def _machine() -> str:
    """Return what the result of a probe is good for: the kernel and QEMU."""
    installed = _PROGRAM.stat().st_mtime_ns if _PROGRAM.exists() else 0
    kernel = os.uname()
    return digest(kernel.release, kernel.version, str(installed))[:16]
