"""Whether tests can make network namespaces here."""

import os
import shutil
import subprocess

import pytest


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
