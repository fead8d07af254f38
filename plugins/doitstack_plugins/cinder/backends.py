"""The back ends of CINDER_ENABLED_BACKENDS: where volumes are, and what they need to be there.

`nfs` keeps volumes as files, with cinder's driver for NFS, which extends them while they are not
attached. The share is a file system of its own,
an ext4 file on a loop device that is mounted in the node alone, and programs of the node bind it to
where NFS would be mounted: neither a server nor the kernel's client is needed. `fake` is one of
cinder's own for tests: its volumes are made, attached and deleted, and hold nothing.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from doitstack import Settings, Stack
from doitstack.private_files import private_directory
from doitstack_plugins.libvirt import node
from doitstack_plugins.shared.conf_files import Sections

FAKE, FILES = "fake", "nfs"
_FAKE_DRIVER = "cinder.tests.fake_driver.FakeLoggingVolumeDriver"
_FILES_DRIVER = "cinder.volume.drivers.nfs.NfsDriver"

_SIZE = re.compile(r"\d+[KMGT]?")
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}

_MOUNT = 'mountpoint --quiet "$1" || mount -o loop "$0" "$1"'


class Backend(NamedTuple):
    """A back end: its kind, and its name, which the type of its volumes has, too."""

    kind: str
    name: str


def default(settings: Settings) -> str:
    """Return the back ends for servers that run, or for those that do not."""
    return "nfs:nfs" if settings.get("VIRT_DRIVER") == "libvirt" else "fake:fake"


def enabled(settings: Mapping[str, str]) -> list[Backend]:
    """Return the back ends of CINDER_ENABLED_BACKENDS: `KIND:NAME,...`."""
    words = re.split(r"[,\s]+", settings["CINDER_ENABLED_BACKENDS"].strip())
    return [Backend(kind, name or kind) for kind, _, name in (w.partition(":") for w in words)]


def check(settings: Settings, name: str) -> None:
    """Raise SettingsError for an unknown kind of back end, or a name that is used twice."""
    found = enabled(settings)
    if any(backend.kind not in (FAKE, FILES) for backend in found):
        raise settings.mistake(name, f"use {FILES}:NAME, volumes in files, or {FAKE}:NAME")
    if len({backend.name for backend in found}) < len(found):
        raise settings.mistake(name, "give each back end a name of its own")


def check_size(settings: Settings, name: str) -> None:
    """Raise SettingsError unless the value is a size such as `30G`."""
    if not _SIZE.fullmatch(settings[name]):
        raise settings.mistake(name, "use a number of bytes, with K, M, G or T if you like")


def has_files(stack: Stack) -> bool:
    """Return whether a volume service keeps volumes as files, which it does in the node."""
    kinds = {backend.kind for backend in enabled(stack.settings)}
    return FILES in kinds and stack.is_service_enabled("c-vol")


def sections(stack: Stack, data: Path) -> Sections:
    """Return the section of each back end; `data` is the directory of cinder's files."""
    return {backend.name: _options(backend, data) for backend in enabled(stack.settings)}


def prepare(stack: Stack, data: Path) -> None:
    """Start the node, and mount in it the file systems of volumes, which keep their content."""
    node.start(stack)
    for backend in enabled(stack.settings):
        if backend.kind == FILES:
            _mount(stack, *_share(backend, data))


def _mount(stack: Stack, image: Path, share: Path) -> None:
    private_directory(share)
    if not image.exists():
        new = image.with_suffix(".new")
        with new.open("wb") as file:
            file.truncate(_bytes(stack.settings["VOLUME_BACKING_FILE_SIZE"]))
        new.chmod(0o600)
        # Neither a reserve for root nor work that the kernel can do later.
        stack.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-m", "0", "-F", new])
        new.rename(image)
    stack.run([*node.command(stack), "sh", "-c", _MOUNT, image, share])


def _bytes(size: str) -> int:
    number = size.rstrip("KMGT")
    return int(number) * _UNITS[size[len(number) :]]


def _options(backend: Backend, data: Path) -> dict[str, str]:
    common = {"volume_backend_name": backend.name}
    if backend.kind == FAKE:
        return {**common, "volume_driver": _FAKE_DRIVER}
    _, share = _share(backend, data)
    return {
        **common,
        "volume_driver": _FILES_DRIVER,
        "nas_host": "127.0.0.1",
        "nas_share_path": str(share),
        "nfs_mount_point_base": str(data / "mnt"),
        "nfs_snapshot_support": "true",
        # All is root's.
        "nas_secure_file_operations": "false",
        "nas_secure_file_permissions": "false",
    }


def _share(backend: Backend, data: Path) -> tuple[Path, Path]:
    """Return the file with the file system of a back end, and where it is mounted."""
    return data / f"volumes-{backend.name}.ext4", data / "shares" / backend.name
