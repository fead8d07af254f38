"""What volume groups need on this machine, besides packages. All that is missing is reported."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from doitstack import Settings, Stack
from doitstack.errors import SettingsError, StepError
from doitstack_plugins.lvm import device_mapper, volume_groups
from doitstack_plugins.shared import subnode

FILES = "or set CINDER_ENABLED_BACKENDS=nfs:nfs, for volumes in files"

_BLOCKS = Path("/sys/block")
_LOOP = Path("/dev/loop-control")
CHARACTERS = "letters, digits and any of _.+-"
_NAME = re.compile(r"[A-Za-z0-9_.+][A-Za-z0-9_.+-]*")
_LVM = "/sbin/lvm"


def is_name(text: str) -> bool:
    """Return whether LVM takes a text as the name of a group."""
    return _NAME.fullmatch(text) is not None


def check_name(settings: Settings, name: str) -> None:
    """Raise SettingsError for a name of groups that LVM refuses."""
    if not is_name(settings[name]):
        raise settings.mistake(name, f"use {CHARACTERS}")


def check_kernel(stack: Stack) -> None:
    """Raise StepError unless we are root, and the kernel has device mapper and loop devices."""
    if os.geteuid() != 0:
        raise StepError(f"volumes of LVM need root; run doit stack as root, {FILES}")
    lacks = [device_mapper.lack()]
    if not _LOOP.exists():
        lacks.append(f"there is no {_LOOP}")
    if found := "; ".join(filter(None, lacks)):
        raise StepError(
            f"volumes of LVM need device mapper and loop devices: {found}; use another kernel, "
            f"in a container load the modules on its host and let it use the devices, {FILES}"
        )


def check_guests(stack: Stack) -> None:
    """Raise SettingsError if guests, whose volumes must be on their own host, are on others."""
    has_others = subnode.is_subnode(stack.settings) or stack.is_service_enabled("n-api")
    if has_others and not stack.is_service_enabled("n-cpu"):
        raise SettingsError(
            "volumes of LVM are for servers of the same host, which has no n-cpu; "
            f"enable c-vol on the host of n-cpu, {FILES}"
        )


def check_names(stack: Stack) -> None:
    """Raise SettingsError for a group whose name is taken by one that is not the stack's."""
    taken = [name for name in volume_groups.groups(stack) if any(_others(stack, name))]
    if taken:
        raise SettingsError(
            f"this machine has the volume group {', '.join(taken)} already, which is not of this "
            "stack; set VOLUME_GROUP_NAME in local.conf to another name"
        )


CHECKS: tuple[Callable[[Stack], None], ...] = (check_kernel, check_guests, check_names)


def _others(stack: Stack, group: str) -> Iterator[str]:
    """Yield the devices of a group of this name that are not the stack's."""
    yield from _active(group) - volume_groups.mapped(stack)
    yield from _physical(group) - set(map(str, volume_groups.devices(stack)))


def _active(group: str) -> set[str]:
    """Return the names in `/dev/mapper` of what a group has; a hyphen in a name is doubled."""
    prefix = re.compile(rf"{re.escape(group.replace('-', '--'))}-(?!-)")
    names = (path.read_text(encoding="utf-8") for path in _BLOCKS.glob("dm-*/dm/name"))
    return {name.strip() for name in names if prefix.match(name)}


def _physical(group: str) -> set[str]:
    """Return the devices on which the system's LVM sees a group, also one without volumes."""
    if os.geteuid() != 0 or not Path(_LVM).exists():
        return set()
    options = ("--readonly", "--nolocking", "--noheadings", "--options", "pv_name")
    words = [_LVM, "vgs", *options, group]
    return set(subprocess.run(words, capture_output=True, text=True, check=False).stdout.split())
