"""Whether tests can make network namespaces and run guests here."""

import os
import shutil
import subprocess

import pytest

_GUESTS = """\
mount -t tmpfs work /mnt
cd /mnt
mkdir lower upper work merged
mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work merged merged
truncate -s 1M disk
PATH=$PATH:/sbin
losetup --detach "$(losetup --find --show disk)"
ip tuntap add dev tap mode tap
"""
"""What a stack with guests asks of the kernel; all of it goes with the namespaces."""


def what_guests_lack() -> str:
    """Return what keeps guests from running here: mostly the kernel's first message, or nothing."""
    if os.geteuid() != 0:
        return "they need root"
    if not shutil.which("apt-get"):
        return "they need Debian's packages, and there is no apt-get"
    command = ["unshare", "--net", "--mount", "--uts", "sh", "-e", "-c", _GUESTS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stderr.strip() or f"exit code {done.returncode}") if done.returncode else ""


def has_namespaces() -> bool:
    """Return whether we may make namespaces, mount in them and make network cards."""
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        return False
    command = ["unshare", "--net", "--mount", "mount", "-t", "sysfs", "sysfs", "/sys"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


needs_namespaces = pytest.mark.skipif(
    not has_namespaces(), reason="needs root, and the right to make namespaces"
)

needs_ip = pytest.mark.skipif(not shutil.which("ip"), reason="needs iproute2")
