"""The back ends of CINDER_ENABLED_BACKENDS: where volumes are, and what they need to be there.

`lvm` keeps volumes in a volume group of LVM, and guests of the same host open them as its devices.
`nfs` keeps volumes as files, with cinder's driver for NFS, which extends them while they are not
attached. The share is a file system of its own, an ext4 file on a loop device that is mounted in
the node alone, and programs of the node bind it to where NFS would be mounted: neither a server nor
the kernel's client is needed. `fake` is one of cinder's own for tests: its volumes are made,
attached and deleted, and hold nothing.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from doitstack import Settings, Stack
from doitstack_plugins.cinder import default_backend, files
from doitstack_plugins.cinder.enabled_backends import FAKE, FILES, LVM, Backend, enabled, of_kind
from doitstack_plugins.libvirt import node
from doitstack_plugins.lvm import device_mapper, needs, volume_groups
from doitstack_plugins.shared.conf_files import Sections
from doitstack_plugins.shared.required_services import Check

_FAKE_DRIVER = "cinder.tests.fake_driver.FakeLoggingVolumeDriver"

_LVM_DRIVER = "doitstack_lvm.LocalVolumeDriver"
_LVM_DRIVER_PLACE = Path(__file__).with_name("volume_driver")

_LVM_TYPES = ("auto", "thin", "default")
_CLEAR_WAYS = ("zero", "none")

_SIZE = re.compile(r"\d+[KMGT]?")
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def set_defaults(settings: Settings) -> None:
    """Set the defaults of DevStack's lib/cinder and lib/lvm, but for the back end: it is found."""
    settings.default("VOLUME_BACKING_FILE_SIZE", "30G")
    settings.default("VOLUME_GROUP_NAME", "stack-volumes")
    settings.default("CINDER_LVM_TYPE", "auto")
    settings.default("CINDER_VOLUME_CLEAR", "zero")
    settings.default("CINDER_ENABLED_BACKENDS", default_backend.found(settings)[0])


def check(settings: Settings, name: str) -> None:
    """Raise SettingsError for an unknown kind of back end, or a name that cannot be."""
    found = enabled(settings)
    if any(backend.kind not in (FAKE, FILES, LVM) for backend in found):
        kinds = f"{LVM}:NAME, volumes in LVM, {FILES}:NAME, volumes in files, or {FAKE}:NAME"
        raise settings.mistake(name, f"use {kinds}")
    if len({backend.name for backend in found}) < len(found):
        raise settings.mistake(name, "give each back end a name of its own")
    if any(not needs.is_name(backend.name) for backend in found if backend.kind == LVM):
        raise settings.mistake(name, f"a name of LVM has {needs.CHARACTERS}")


def check_size(settings: Settings, name: str) -> None:
    """Raise SettingsError unless the value is a size such as `30G`."""
    if not _SIZE.fullmatch(settings[name]):
        raise settings.mistake(name, "use a number of bytes, with K, M, G or T if you like")


def check_lvm_type(settings: Settings, name: str) -> None:
    """Raise SettingsError for a type of volumes that cinder's driver for LVM does not have."""
    if settings[name] not in _LVM_TYPES:
        raise settings.mistake(name, f"use one of {', '.join(_LVM_TYPES)}")


def check_clear(settings: Settings, name: str) -> None:
    """Raise SettingsError for an unknown way to clear volumes that are deleted."""
    if settings[name].lower() not in _CLEAR_WAYS:
        raise settings.mistake(name, f"use {' or '.join(_CLEAR_WAYS)}")


def checks(stack: Stack) -> Iterator[Check]:
    """Yield the checks of what back ends need on this machine."""
    if of_kind(stack, LVM):
        yield from (partial(check_one, stack) for check_one in needs.CHECKS)


def hold_data(stack: Stack) -> bool:
    """Return whether volumes of this host hold data; then their daemons are in the node."""
    return bool(of_kind(stack, FILES, LVM))


def environ(stack: Stack) -> dict[str, str]:
    """Return the variables of cinder's processes with which our driver is found, and its groups."""
    if not of_kind(stack, LVM):
        return {}
    return {"PYTHONPATH": str(_LVM_DRIVER_PLACE), **volume_groups.environ(stack)}


def sections(stack: Stack, data: Path) -> Sections:
    """Return the section of each back end; `data` is the directory of cinder's files."""
    return {backend.name: _options(stack, backend, data) for backend in enabled(stack.settings)}


def prepare(stack: Stack, data: Path) -> None:
    """Start the node, and have in it what keeps volumes: file systems and volume groups."""
    node.start(stack)
    size = _bytes(stack.settings["VOLUME_BACKING_FILE_SIZE"])
    for backend in of_kind(stack, FILES):
        files.mount(stack, data, backend.name, size)
    if of_kind(stack, LVM):
        volume_groups.prepare(stack, size)


def _bytes(size: str) -> int:
    number = size.rstrip("KMGT")
    return int(number) * _UNITS[size[len(number) :]]


def _options(stack: Stack, backend: Backend, data: Path) -> dict[str, str]:
    common = {"volume_backend_name": backend.name}
    if backend.kind == FAKE:
        return {**common, "volume_driver": _FAKE_DRIVER}
    if backend.kind == FILES:
        return {**common, **files.options(data, backend.name)}
    settings = stack.settings
    return {
        **common,
        "volume_driver": _LVM_DRIVER,
        "volume_group": volume_groups.group(settings, backend.name),
        "lvm_type": _lvm_type(settings["CINDER_LVM_TYPE"]),
        # LVM's own variable names the configuration, for all of its commands.
        "lvm_conf_file": "none",
        "volume_clear": settings["CINDER_VOLUME_CLEAR"].lower(),
    }


def _lvm_type(chosen: str) -> str:
    """Return the type of volumes; the driver looks for thin ones in LVM, but not in the kernel."""
    is_auto = chosen == "auto" and not device_mapper.has_target("thin-pool")
    return "default" if is_auto else chosen
