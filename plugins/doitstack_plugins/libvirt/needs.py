"""What guests need on this machine, besides packages. All that is missing is reported together."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from doitstack import Stack
from doitstack.errors import SettingsError, StepError
from doitstack_plugins.backing import debian_packages
from doitstack_plugins.libvirt import node
from doitstack_plugins.ovn import places
from doitstack_plugins.ovn.commands import succeeds

FAKE = "or set VIRT_DRIVER=fake, for servers that do not run"

_WANTED = {"libvirt-daemon": (8, 0, 0), "qemu-system-x86": (6, 2, 0)}
"""The oldest versions with which nova 34 starts: MIN_LIBVIRT_VERSION, MIN_QEMU_VERSION."""

_DEVICES = {
    "/dev/net/tun": "the network cards of guests",
    "/dev/loop-control": "the file system of volumes",
}
_FILE_SYSTEMS = {"overlay": "libvirt's private directories", "ext4": "the file system of volumes"}
_NUMBERS = re.compile(r"(?:\d+:)?(\d+)\.(\d+)(?:\.(\d+))?")


def check_root(stack: Stack) -> None:
    """Raise StepError unless we are root: namespaces, mounts and network cards are root's."""
    if os.geteuid() != 0:
        raise StepError(
            "guests need root, for network cards, mounts and namespaces of their own; "
            f"run doit stack as root, {FAKE}"
        )


def check_kernel(stack: Stack) -> None:
    """Raise StepError for what the kernel lacks; it loads modules of file systems by itself."""
    known = Path("/proc/filesystems").read_text(encoding="utf-8").split()
    missing = [f"{path} ({use})" for path, use in _DEVICES.items() if not Path(path).exists()]
    missing += [
        f"the file system {name} ({use})"
        for name, use in _FILE_SYSTEMS.items()
        if name not in known and not succeeds("modprobe", "--dry-run", "--quiet", name)
    ]
    if missing:
        raise StepError(
            f"guests need {', '.join(missing)}, which this kernel neither has nor can load; "
            f"use another kernel, in a container load them on its host, {FAKE}"
        )


def check_place(stack: Stack) -> None:
    """Raise SettingsError if the stack's files are where the node does not see them."""
    for name in ("DEST", "DATA_DIR"):
        if node.is_hidden(stack.settings.path(name)):
            raise SettingsError(
                f"{name}={stack.settings[name]}: libvirt's directories hide it from guests; "
                f"set {name} to a directory that is not in /run, /var/lib, /var/cache or /var/log"
            )


def check_network(stack: Stack) -> None:
    """Raise SettingsError if there are networks, but none that carries packets."""
    if stack.is_service_enabled("neutron") and not places.is_enabled(stack):
        raise SettingsError(
            "guests need networks that carry packets; add to local.conf: "
            f"enable_service ovn-controller ovn-northd q-ovn-agent, {FAKE}"
        )


def check_versions(stack: Stack) -> None:
    """Raise StepError if libvirt or QEMU, as installed or else in apt's lists, is too old."""
    versions, old = _versions(stack), []
    for package, wanted in _WANTED.items():
        found = version(versions.get(package, ""))
        if found and found < wanted:
            old.append(f"{package} is {_text(found)}, nova needs {_text(wanted)}")
    if old:
        raise StepError(
            f"{'; '.join(old)}: install them from backports or use a newer system, {FAKE}"
        )


def version(text: str) -> tuple[int, int, int] | None:
    """Return the version of a package from its text; None if there is none."""
    match = _NUMBERS.match(text)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


CHECKS: tuple[Callable[[Stack], None], ...] = (
    check_root,
    check_kernel,
    check_place,
    check_network,
    check_versions,
)


def _versions(stack: Stack) -> dict[str, str]:
    """Return the versions of what is installed, and of what apt would install, if it is not."""
    known = debian_packages.installed(stack)
    absent = [package for package in _WANTED if package not in known]
    # apt may read its lists for seconds.
    return {**known, **debian_packages.candidates(stack, absent)} if absent else known


def _text(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
