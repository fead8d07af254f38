"""Guests of a network without machines: namespaces with a port of OVN, in the stack's network."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import StackDir

_LEASE = """\
#!/bin/sh
[ "$1" = bound ] || exit 0
ip address add "$ip/$mask" dev "$interface"
ip link set "$interface" mtu "${mtu:-1500}"
set -- $staticroutes
while [ $# -gt 1 ]; do
    case $2 in
    0.0.0.0) ip route replace "$1" dev "$interface" ;;
    *) ip route replace "$1" via "$2" ;;
    esac
    shift 2
done
"""
"""What busybox's DHCP client runs: it takes the address, the MTU and the routes."""


_TOOLS = {"busybox": "busybox-static", "ip": "iproute2", "iptables-save": "iptables"}
"""What guests and comparisons need, with Debian's packages: busybox has a DHCP client."""


def install_tools() -> None:
    """Install what is missing of the tools, as root."""
    missing = [package for tool, package in _TOOLS.items() if not shutil.which(tool)]
    install = ["apt-get", "-o", "DPkg::Lock::Timeout=600", "install", "--yes"]
    install += ["--no-install-recommends", *missing]
    if missing and subprocess.run(install, check=False).returncode:
        # A fresh machine has no lists of packages.
        subprocess.run(["apt-get", "update"], check=True)
        subprocess.run(install, check=True)


class Network:
    """The network of a stack, in which guests are made."""

    def __init__(self, stack: StackDir, directory: Path) -> None:
        self.root = stack.dest / "data" / "ovn"
        self.lease = directory / "lease.sh"
        self.lease.write_text(_LEASE)
        self.lease.chmod(0o755)

    def run(self, *words: str, timeout: float = 120, check: bool = True) -> str:
        """Run a command in the network, outside of the guests: where the public gateway is."""
        done = subprocess.run(
            [str(self.root / "enter"), *words],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def vsctl(self, *words: str) -> str:
        return self.run("ovs-vsctl", f"--db=unix:{self.root}/conf.sock", "--timeout=30", *words)

    def nbctl(self, *words: str) -> str:
        return self.run("ovn-nbctl", f"--db=unix:{self.root}/nb.sock", "--timeout=30", *words)

    def pings(self, address: str) -> bool:
        return pings(self.run("busybox", *PING, address, check=False))

    def get(self, address: str, path: str = "/") -> str:
        return self.run(*get(address, path))


PING = ("ping", "-c", "1", "-W", "2")


def pings(output: str) -> bool:
    return " 0% packet loss" in output


_GET = """\
import sys, time, urllib.error, urllib.request
opener, deadline = urllib.request.build_opener(urllib.request.ProxyHandler({})), time.time() + 60
while True:
    try:
        sys.exit(print(opener.open(sys.argv[1], timeout=20).read().decode(), end=""))
    except OSError as error:
        if time.time() > deadline or isinstance(error, urllib.error.HTTPError):
            sys.exit(f"{sys.argv[1]}: {error}")
        time.sleep(0.1)
"""


def get(address: str, path: str = "/") -> list[str]:
    """Return the command that gets a page by HTTP, as soon as it is served."""
    return [sys.executable, "-c", _GET, f"http://{address}{path}"]


class Guest:
    """A namespace whose only interface is a port of OVN, as a server's would be."""

    def __init__(self, network: Network, port: str, mac: str) -> None:
        self._network, self.name = network, f"guest-{port[:8]}"
        tap, enter = f"tap{port[:11]}", network.run
        enter("ip", "netns", "add", self.name)
        enter("ip", "link", "add", tap, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        enter("ip", "link", "set", tap, "up")
        for words in ("lo up", f"eth0 address {mac}", "eth0 up"):
            self.run("ip", "link", "set", *words.split())
        known = {"iface-id": port, "iface-status": "active", "attached-mac": f'"{mac}"'}
        words = [f"external_ids:{name}={value}" for name, value in known.items()]
        network.vsctl("add-port", "br-int", tap, "--", "set", "Interface", tap, *words)

    def run(self, *words: str, check: bool = True) -> str:
        """Run a command in the guest."""
        return self._network.run("ip", "netns", "exec", self.name, *words, check=check)

    def ask_dhcp(self) -> str:
        """Take the address that DHCP offers, and return it."""
        how = ("-i", "eth0", "-n", "-q", "-f", "-t", "20", "-T", "1")
        wanted = ("-O", "staticroutes", "-O", "mtu")
        self.run("busybox", "udhcpc", *how, *wanted, "-s", str(self._network.lease))
        shown = self.run("ip", "-4", "-o", "address", "show", "dev", "eth0")
        (address,) = re.findall(r"inet (\S+)/", shown)
        return str(address)

    def pings(self, address: str) -> bool:
        return pings(self.run("busybox", *PING, address, check=False))

    def get(self, address: str, path: str = "/") -> str:
        """Return a page that is served by HTTP."""
        return self.run(*get(address, path))

    def serve(self, directory: Path) -> None:
        """Serve the files of a directory by HTTP, for five minutes at most."""
        server = f"timeout 300 busybox httpd -f -h '{directory}' >/dev/null 2>&1 </dev/null &"
        self.run("sh", "-c", server)
