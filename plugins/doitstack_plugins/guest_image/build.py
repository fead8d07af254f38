"""A small bootable image, made in seconds without root: Debian's kernel and busybox.

The disk has two partitions: one for the boot loader with kernel and initial RAM file system, and
one for the root file system, so that what a guest writes stays. An ssh server takes the key that
the metadata have, and there is no password: on the console anybody is root.
"""

import shutil
import struct
import tempfile
from collections.abc import Iterable
from pathlib import Path

from doitstack import Stack
from doitstack.uptodate import digest
from doitstack_plugins.guest_image import cpio, parts

DISK, KERNEL, INITRD = "disk.qcow2", "vmlinuz", "initrd"
"""The files of an image."""

_SCRIPTS = Path(__file__).with_name("guest")
_MODULES = (
    *("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci"),
    *("virtio_blk", "failover", "net_failover", "virtio_net"),
    *("rng-core", "virtio-rng", "button", "evdev", "cdrom", "isofs"),
)
"""The drivers of guests, in the order in which they can be loaded."""

_COMMANDS = ("boot", "curl", "dhcp", "lsblk", "metadata", "mkfs", "sudo")
_ACCOUNT = "root::0:0:root:/root:/bin/sh\n"
_ISSUE = "The user is root, without a password here; ssh takes the key of the server.\n"

_SECTOR = 512
_BOOT, _ROOT, _END = 2048, 2048 + 48 * 2048, 2048 + 112 * 2048
"""The sectors at which the partitions begin, and where the disk ends: 48 and 64 MiB."""

_ACTIVE, _FAT16, _LINUX = 0x80, 0x0E, 0x83
_LBA_ONLY = b"\xfe\xff\xff"
"""The place of a partition in cylinders, heads and sectors, which nothing reads any more."""


def generation() -> str:
    """Return what an image is made from, but for the versions of the packages."""
    scripts = (path.read_text(encoding="utf-8") for path in sorted(_SCRIPTS.iterdir()))
    sources = (Path(module.__file__ or "").read_text(encoding="utf-8") for module in (parts, cpio))
    return digest(Path(__file__).read_text(encoding="utf-8"), *sources, *scripts)


def build(stack: Stack, target: Path) -> None:
    """Make the directory `target` with the image; it appears in one piece. Raises CommandError."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f"{target.name}.") as place:
        work = Path(place)
        for name in ("packages", "initrd", "root", "made"):
            (work / name).mkdir()
        parts.fetch(stack, work / "packages")
        _make_initrd(work)
        _make_root(work)
        _make_disk(stack, work)
        shutil.rmtree(target, ignore_errors=True)
        (work / "made").rename(target)


def _make_initrd(work: Path) -> None:
    packages, tree = work / "packages", work / "initrd"
    _add_busybox(packages, tree)
    (tree / "lib").mkdir()
    loaded = []
    for name in _MODULES:
        # What is not there is part of this kernel.
        for module in (packages / "lib/modules").rglob(f"{name}.ko"):
            shutil.copy(module, tree / "lib")
            loaded.append(module.name)
    (tree / "lib" / "order").write_text("".join(f"{name}\n" for name in loaded))
    _make_directories(tree, ("dev", "proc", "sys", "root"))
    _add_script("init", tree / "init")
    import gzip  # noqa: PLC0415 - hooks are called to list

    packed = gzip.compress(cpio.archive(tree), compresslevel=6, mtime=0)
    (work / "made" / INITRD).write_bytes(packed)
    shutil.copy(next((packages / "boot").glob("vmlinuz-*")), work / "made" / KERNEL)


def _make_root(work: Path) -> None:
    packages, tree = work / "packages", work / "root"
    _add_busybox(packages, tree)
    directories = ("dev", "proc", "sys", "run", "root", "mnt", "tmp", "var", "usr", "lib", "lib64")
    _make_directories(tree, (*directories, "etc/acpi/PWRF", "etc/dropbear"))
    for name in _COMMANDS:
        _add_script(name, tree / "bin" / name)
    for path in parts.library_files(packages):
        shutil.copy(path, tree / ("lib64" if path.name.startswith("ld-") else "lib") / path.name)
    (tree / "sbin").symlink_to("bin")
    (tree / "usr/bin").symlink_to("../bin")
    (tree / "usr/sbin").symlink_to("../bin")
    (tree / "var/run").symlink_to("../run")
    shutil.copy(next(packages.rglob("dropbear")), tree / "bin/dropbear")
    shutil.copy(_SCRIPTS / "inittab", tree / "etc")
    (tree / "etc/passwd").write_text(_ACCOUNT)
    (tree / "etc/group").write_text("root:x:0:\n")
    (tree / "etc/issue").write_text(_ISSUE)
    power_button = tree / "etc/acpi/PWRF/00000080"
    power_button.write_text("#!/bin/sh\nexec poweroff\n")
    power_button.chmod(0o755)


def _make_disk(stack: Stack, work: Path) -> None:
    disk, made = work / "disk.raw", work / "made"
    mbr = Path("/usr/lib/syslinux/mbr/mbr.bin").read_bytes()
    with disk.open("wb") as file:
        file.write(mbr.ljust(446, b"\0") + partition_table())
        file.truncate(_END * _SECTOR)
    start = _BOOT * _SECTOR
    boot = f"{disk}@@{start}"
    sectors = str(_ROOT - _BOOT)
    size = ["-T", sectors, "-h", "255", "-s", "63", "-H", str(_BOOT)]
    stack.run(["mformat", "-i", boot, *size, "-v", "BOOT", "::"])
    stack.run(["syslinux", "--offset", str(start), "--install", disk])
    files = (made / KERNEL, made / INITRD, _SCRIPTS / "syslinux.cfg")
    stack.run(["mcopy", "-i", boot, *files, "::"])
    features = ["-O", "^metadata_csum,^has_journal", "-E", f"offset={_ROOT * _SECTOR}"]
    tree, blocks = work / "root", f"{(_END - _ROOT) // 2}k"
    # Its place is not in everybody's PATH.
    stack.run(["/sbin/mke2fs", "-q", "-t", "ext4", *features, "-d", tree, disk, blocks])
    stack.run(["qemu-img", "convert", "-c", "-O", "qcow2", disk, made / DISK])


def partition_table() -> bytes:
    """Return the table of the two partitions, with the signature of a boot sector."""
    boot = _partition(_ACTIVE, _FAT16, _BOOT, _ROOT)
    root = _partition(0, _LINUX, _ROOT, _END)
    return boot + root + bytes(32) + b"\x55\xaa"


def _partition(flag: int, kind: int, start: int, end: int) -> bytes:
    return struct.pack("<B3sB3sII", flag, _LBA_ONLY, kind, _LBA_ONLY, start, end - start)


def _add_busybox(packages: Path, tree: Path) -> None:
    (tree / "bin").mkdir()
    busybox = tree / "bin/busybox"
    shutil.copy(packages / "bin/busybox", busybox)
    for name in _applets(busybox):
        if name != "busybox":
            (tree / "bin" / name).symlink_to("busybox")


def _applets(busybox: Path) -> list[str]:
    import subprocess  # noqa: PLC0415 - not for every `doit list`

    done = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True)
    return done.stdout.split()


def _add_script(name: str, target: Path) -> None:
    target.unlink(missing_ok=True)
    shutil.copy(_SCRIPTS / f"{name}.sh", target)
    target.chmod(0o755)


def _make_directories(tree: Path, names: Iterable[str]) -> None:
    for name in names:
        (tree / name).mkdir(parents=True, exist_ok=True)
