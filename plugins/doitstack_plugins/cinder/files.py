"""Volumes in files, on an ext4 file system of their own that only the node mounts."""

from pathlib import Path

from doitstack import Stack
from doitstack.private_files import private_directory
from doitstack_plugins.libvirt import node

_DRIVER = "cinder.volume.drivers.nfs.NfsDriver"

_MOUNT = 'mountpoint --quiet "$1" || mount -o loop "$0" "$1"'


def image(data: Path, backend: str) -> Path:
    """Return the file with the file system of a back end, below the directory of cinder's files."""
    return data / f"volumes-{backend}.ext4"


def mount(stack: Stack, data: Path, backend: str, size: int) -> None:
    """Mount the file system of a back end in the node; it is made, of `size` bytes, if missing."""
    share, file = _share(data, backend), image(data, backend)
    private_directory(share)
    if not file.exists():
        new = file.with_suffix(".new")
        with new.open("wb") as content:
            content.truncate(size)
        new.chmod(0o600)
        # Neither a reserve for root nor work that the kernel can do later.
        stack.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-m", "0", "-F", new])
        new.rename(file)
    stack.run([*node.command(stack), "sh", "-c", _MOUNT, file, share])


def options(data: Path, backend: str) -> dict[str, str]:
    """Return the options of cinder's driver."""
    return {
        "volume_driver": _DRIVER,
        "nas_host": "127.0.0.1",
        "nas_share_path": str(_share(data, backend)),
        "nfs_mount_point_base": str(data / "mnt"),
        "nfs_snapshot_support": "true",
        # All is root's.
        "nas_secure_file_operations": "false",
        "nas_secure_file_permissions": "false",
    }


def _share(data: Path, backend: str) -> Path:
    """Return where the file system of a back end is mounted."""
    return data / "shares" / backend
