"""A guest with Debian's kernel and this machine's files, for what this machine's kernel lacks.

QEMU runs it without KVM. Its files are the machine's, by virtiofs, below those of packages that are
unpacked and not installed; what it writes is in its memory and goes with it.
"""

import gzip
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from doitstack_plugins.guest_image import cpio
from doitstack_plugins.guest_image.parts import KERNEL
from tests import debian

_DRIVERS = ("virtio_pci", "virtiofs", "overlay")
_DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")

_INIT = """\
#!/bin/busybox sh
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/lib/$module"; done < /lib/order
mount -t tmpfs -o size=80% memory /memory
mount -t virtiofs -o ro files /files
mkdir /memory/upper /memory/work
cd /memory
layers=lowerdir=/files/packages:/files/machine,upperdir=upper,workdir=work
mount -t overlay -o "$layers" root /root
mount -t proc proc /root/proc
mount -t sysfs sys /root/sys
mount -o move /dev /root/dev
mount -t tmpfs run /root/run
ip link set lo up
exec switch_root /root /bin/sh /start
"""

_START = """\
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin HOME=/root
# Not busybox's own, whose index of modules others cannot read.
/sbin/depmod
({script}) < /dev/null
echo "guest: exit code $?"
busybox poweroff -f
"""

_SHARE = """\
set -e
mount -t tmpfs share /run
mkdir -p /run/files/machine /run/files/packages
mount --bind / /run/files/machine
mount -o remount,bind,ro /run/files/machine
mount --bind "$1" /run/files/packages
exec /usr/lib/qemu/virtiofsd --socket-path="$2" -o source=/run/files -o cache=always -o xattr
"""


class Outcome(NamedTuple):
    """How a script has ended in the guest, and its output."""

    code: int
    out: str


def run(work: Path, packages: Iterable[str], script: str, *, seconds: float) -> Outcome:
    """Run a script of the shell in a new guest with Debian's `packages`; files are below `work`.

    The test is skipped where the kernel, the packages or QEMU cannot be had.
    """
    debian.have("qemu-system-x86_64", "qemu-system-x86")
    if not Path("/usr/lib/qemu/virtiofsd").exists():
        pytest.skip("there is no virtiofsd of QEMU's, with which a guest has this machine's files")
    tree = work / "packages"
    debian.unpack([_kernel(), "busybox-static", "kmod", "libkmod2", *packages], tree)
    (tree / "start").write_text(_START.format(script=script))
    _make_initrd(tree, work)
    return _boot(tree, work, seconds)


def _kernel() -> str:
    command = ["apt-cache", "depends", "--important", KERNEL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if match := re.search(r"Depends: (linux-image-\S+)", done.stdout):
        return match[1]
    pytest.skip(f"apt has no {KERNEL}, the kernel of the guest")


def _make_initrd(tree: Path, work: Path) -> None:
    initrd = work / "initrd.d"
    for name in ("bin", "lib", "dev", "proc", "sys", "files", "memory", "root"):
        (initrd / name).mkdir(parents=True)
    busybox = tree / "usr/bin/busybox"
    shutil.copy(busybox, initrd / "bin/busybox")
    for applet in ("mount", "insmod", "mkdir", "ip", "switch_root"):
        (initrd / "bin" / applet).symlink_to("busybox")
    modules = {path.stem: path for path in (tree / "usr/lib/modules").rglob("*.ko")}
    order = list(dict.fromkeys(name for driver in _DRIVERS for name in _needed(driver, modules)))
    for name in order:
        shutil.copy(modules[name], initrd / "lib" / f"{name}.ko")
    (initrd / "lib/order").write_text("".join(f"{name}.ko\n" for name in order))
    (initrd / "init").write_text(_INIT)
    (initrd / "init").chmod(0o755)
    (work / "initrd").write_bytes(gzip.compress(cpio.archive(initrd), compresslevel=1))


def _needed(name: str, modules: dict[str, Path]) -> Iterator[str]:
    """Yield the modules that a module needs, and the module itself after them."""
    match = _DEPENDS.search(modules[name].read_bytes())
    for other in match[1].decode().split(",") if match else ():
        if other:
            yield from _needed(other, modules)
    yield name


def _boot(tree: Path, work: Path, seconds: float) -> Outcome:
    kernel = next((tree / "boot").glob("vmlinuz-*"))
    memory = "memory-backend-memfd,id=memory,size=3072M,share=on"
    with _shared(tree, work / "files.sock"):
        argv = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "3072M"]
        argv += ["-object", memory, "-numa", "node,memdev=memory"]
        argv += ["-chardev", f"socket,id=files,path={work}/files.sock"]
        argv += ["-device", "vhost-user-fs-pci,chardev=files,tag=files"]
        argv += ["-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot"]
        argv += ["-kernel", str(kernel), "-initrd", str(work / "initrd")]
        argv += ["-append", "console=ttyS0 quiet panic=-1"]
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=seconds
        )
    out = done.stdout.decode(errors="replace").replace("\r\n", "\n")
    match = re.search(r"^guest: exit code (\d+)$", out, re.MULTILINE)
    assert match, out + done.stderr.decode(errors="replace")
    return Outcome(int(match[1]), out)


@contextmanager
def _shared(tree: Path, socket: Path) -> Iterator[None]:
    """Offer the files to a guest while the block runs; it cannot change those of the machine."""
    words = ["unshare", "--mount", "sh", "-c", _SHARE, "share", str(tree), str(socket)]
    with (socket.with_suffix(".log")).open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        while not socket.exists():
            assert process.poll() is None, socket.with_suffix(".log").read_text()
        yield
    finally:
        process.terminate()
        process.wait()
