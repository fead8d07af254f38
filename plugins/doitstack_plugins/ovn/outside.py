"""The outside of the stack's network: the bridge of the public network, and who has its gateway.

By default that is the bridge itself, in the stack's network, so floating IPs answer there. With
PUBLIC_NETWORK_ON_HOST, a pair of interfaces joins the bridge to the host, which has the gateway.
"""

import os
from ipaddress import ip_network
from pathlib import Path

from doitstack import Stack
from doitstack.errors import CommandError, SettingsError
from doitstack.uptodate import digest
from doitstack_plugins.neutron.first_networks import public_gateway
from doitstack_plugins.ovn import namespace
from doitstack_plugins.ovn.commands import node, succeeds

_INNER = "outside"
"""The end of the pair that is a port of the bridge."""


def connect(stack: Stack) -> None:
    """Give the gateway of the public network to the host or to the bridge."""
    bridge, inside = stack.settings["PUBLIC_BRIDGE"], namespace.enter(stack)
    if is_on_host(stack):
        stack.run([inside, "ip", "address", "flush", "dev", bridge])
        _join(stack, bridge)
        _set_gateway(stack, host_interface(stack))
    else:
        _part(stack, bridge)
        _set_gateway(stack, bridge, inside)


def is_on_host(stack: Stack) -> bool:
    """Return whether floating IPs answer on the host."""
    return stack.settings.is_true("PUBLIC_NETWORK_ON_HOST")


def host_interface(stack: Stack) -> str:
    """Return the name of the host's interface to the public network."""
    # It has at most 15 characters, and stacks of one machine differ.
    return f"stack-{digest(os.path.realpath(stack.dest))[:8]}"


def check_range(stack: Stack) -> None:
    """Raise SettingsError if the host already has a route to addresses of FLOATING_RANGE."""
    wanted = stack.settings.network("FLOATING_RANGE")
    for destination, interface in _routes(stack):
        if interface != host_interface(stack) and wanted.overlaps(ip_network(destination)):
            raise SettingsError(
                f"FLOATING_RANGE={wanted} overlaps {destination}, to which this machine has a "
                f"route by {interface}; set another range in local.conf"
            )


def _routes(stack: Stack) -> list[tuple[str, str]]:
    """Return the destinations in the host's routing table, with their interfaces."""
    try:
        lines = stack.output_of(["ip", "-o", "-4", "route", "show"]).splitlines()
    except CommandError:
        return []  # iproute2 is still to be installed
    routes = [line.split() for line in lines]
    return [
        (words[0], words[words.index("dev") + 1])
        for words in routes
        if words[0] != "default" and "dev" in words
    ]


def _join(stack: Stack, bridge: str) -> None:
    outer = host_interface(stack)
    if not succeeds("ip", "link", "show", outer):
        pair = ["type", "veth", "peer", "name", _INNER, "netns", namespace.holder(stack)]
        stack.run(["ip", "link", "add", outer, *pair])
    stack.run([namespace.enter(stack), "ip", "link", "set", _INNER, "up"])
    stack.run(node(stack, "--may-exist", "add-port", bridge, _INNER))


def _part(stack: Stack, bridge: str) -> None:
    """Remove the pair, if there was one."""
    inside = namespace.enter(stack)
    stack.run(node(stack, "--if-exists", "del-port", bridge, _INNER))
    if succeeds(inside, "ip", "link", "show", _INNER):
        stack.run([inside, "ip", "link", "delete", _INNER])


def _set_gateway(stack: Stack, interface: str, *inside: Path) -> None:
    length = stack.settings.network("FLOATING_RANGE").prefixlen
    address = f"{public_gateway(stack.settings)}/{length}"
    stack.run([*inside, "ip", "address", "replace", address, "dev", interface])
    stack.run([*inside, "ip", "link", "set", interface, "up"])
