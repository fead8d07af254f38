"""The link between the hosts of a stack: a VXLAN of the kernel that joins their public bridges.

Networks of projects are VLANs in it. Its packets leave by the network of the host, though its
device is in that of the stack. Open vSwitch's own tunnels would need the address of the host there,
and without a module of the kernel, they lose packets whose checksums are left to the host.
"""

import sys
from pathlib import Path

from doitstack import Settings, Stack
from doitstack.config.addresses import socket_host
from doitstack.errors import CommandError, ServiceError
from doitstack.uptodate import digest
from doitstack_plugins.ovn import namespace
from doitstack_plugins.ovn.commands import node, succeeds
from doitstack_plugins.ovn.places import database
from doitstack_plugins.shared import subnode

SERVICE = "ovn-hosts"
"""The process that keeps the other ends of the link up to date."""

MTU = "1442"
"""The bytes of a packet in it, as in DevStack's Geneve: 1500 less what the hosts add."""

_DEVICE = "hosts"
_PORT = "4789"
_PROGRAM = Path(__file__).parent / "peers" / "doitstack_peers.py"


def is_wanted(settings: Settings) -> bool:
    """Return whether there may be other hosts."""
    return subnode.is_subnode(settings) or subnode.is_reachable(settings)


def connect(stack: Stack) -> None:
    """Join the public bridge to those of other hosts, and follow which there are."""
    if not is_wanted(stack.settings) or not _has_device(stack):
        return
    stack.run([namespace.enter(stack), "ip", "link", "set", _DEVICE, "up", "mtu", MTU])
    stack.run(node(stack, "--may-exist", "add-port", stack.settings["PUBLIC_BRIDGE"], _DEVICE))
    argv: list[str | Path] = [sys.executable, "-I", _PROGRAM, database(stack, "sb"), _own(stack)]
    argv += [_DEVICE, namespace.enter(stack)]
    with stack.timed("run_process"):
        # Nothing reads the generation: another value restarts the process.
        env = {"OVN_GENERATION": namespace.generation(stack)}
        stack.run_process(SERVICE, argv, env=env, wait=False)


def _has_device(stack: Stack) -> bool:
    """Make the device unless it is there; return whether that was possible."""
    if succeeds(namespace.enter(stack), "ip", "link", "show", _DEVICE):
        return True
    where = ["ip", "link", "add", _DEVICE, "netns", namespace.holder(stack)]
    kind = ["type", "vxlan", "id", _number(stack), "local", _own(stack), "dstport", _PORT]
    try:
        stack.run([*where, *kind])
    except CommandError as error:
        if subnode.is_subnode(stack.settings):
            raise ServiceError(
                f"no link to other hosts: {error}; see whether there is a VXLAN of "
                "the same number, or run: modprobe vxlan"
            ) from error
        stack.say(f"networks do not reach other hosts: {error}")
        return False
    return True


def _own(stack: Stack) -> str:
    return socket_host(stack.settings["TUNNEL_ENDPOINT_IP"])


def _number(stack: Stack) -> str:
    """Return the number of the VXLAN: the same on all hosts of a stack, another for another."""
    return str(int(digest(stack.settings["OVN_SB_REMOTE"])[:6], 16))
