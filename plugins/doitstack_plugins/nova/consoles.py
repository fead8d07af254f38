"""Consoles of guests: nova's proxies, by which browsers reach them, and the page for VNC.

`n-novnc` serves noVNC's page, and `n-sproxy` serial consoles, both by websockets.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from doitstack import Settings, Stack
from doitstack.config.addresses import host_address, url_host
from doitstack.config.cache_directories import GUESTS, cache_directory
from doitstack.private_files import private_directory
from doitstack_plugins.backing.debian_packages import has_guests, unpack
from doitstack_plugins.libvirt import node
from doitstack_plugins.ovn import namespace, places
from doitstack_plugins.shared import subnode
from doitstack_plugins.shared.conf_files import Sections

_PROGRAM = Path(__file__).parent / "console_proxy" / "doitstack_console.py"
_PACKAGE = "novnc"
_GUESTS_LISTEN = "127.0.0.1"
"""Guests offer their consoles in the network of the stack alone. On a subnode they listen at its
address, for the loopback of that network has it, too: nova has one option for both."""

RELAY = "n-console-relay"
"""The process by which the proxies of a controller reach the guests of a subnode."""

_RELAY_PORT = "CONSOLE_RELAY_PORT"
_RELAY_MODULE = "doitstack_plugins.nova.console_proxy.relay"

_HOST = Path("/proc/self/ns/net")
_PAGE = "vnc_lite.html"


class Proxy(NamedTuple):
    """A proxy: the setting of its port, its module in `nova.cmd`, and its default port."""

    port: str
    module: str
    default: str


PROXIES = {
    "n-novnc": Proxy("NOVNCPROXY_PORT", "novncproxy", "6080"),
    "n-sproxy": Proxy("SERIALPROXY_PORT", "serialproxy", "6083"),
}
"""The proxies, by their services."""


PORTS = (*(proxy.port for proxy in PROXIES.values()), _RELAY_PORT)
"""The settings of ports."""


def set_defaults(settings: Settings) -> None:
    """Set the ports of DevStack."""
    for proxy in PROXIES.values():
        settings.default(proxy.port, proxy.default)
    settings.default(_RELAY_PORT, "6079")
    if subnode.is_subnode(settings):
        # Whether the controller has the proxies is not known here.
        settings.default("NOVA_VNC_ENABLED", "True")
        settings.default("NOVA_SERIAL_ENABLED", "True")


def enabled(stack: Stack) -> list[str]:
    """Return the proxies that are enabled."""
    return [name for name in PROXIES if stack.is_service_enabled(name)]


def sections(stack: Stack) -> Sections:
    """Return what the proxies, and the computes which tell where they are, read."""
    return {**_vnc(stack), **_serial(stack)}


def _vnc(stack: Stack) -> Sections:
    if not _is_offered(stack, "n-novnc", "NOVA_VNC_ENABLED"):
        return {"vnc": {"enabled": "false"}}
    host, port = stack.settings["NOVA_SERVICE_HOST"], stack.settings["NOVNCPROXY_PORT"]
    return {
        "vnc": {
            "enabled": "true",
            "novncproxy_host": host,
            "novncproxy_port": port,
            "novncproxy_base_url": f"http://{url_host(host)}:{port}/{_PAGE}",
            "server_listen": _reached_at(stack),
            "server_proxyclient_address": _reached_at(stack),
        }
    }


def _serial(stack: Stack) -> Sections:
    if not _is_offered(stack, "n-sproxy", "NOVA_SERIAL_ENABLED"):
        return {}
    host, port = stack.settings["NOVA_SERVICE_HOST"], stack.settings["SERIALPROXY_PORT"]
    return {
        "serial_console": {
            "enabled": "true",
            "serialproxy_host": host,
            "serialproxy_port": port,
            "base_url": f"ws://{url_host(host)}:{port}/",
            "proxyclient_address": _reached_at(stack),
        }
    }


def _is_offered(stack: Stack, proxy: str, setting: str) -> bool:
    """Return whether guests have a console for a proxy, which is on the controller of a subnode."""
    if subnode.is_subnode(stack.settings):
        return has_relay(stack) and stack.settings.is_true(setting)
    return proxy in enabled(stack)


def _reached_at(stack: Stack) -> str:
    """Return where guests listen, and where proxies reach those of this host."""
    return host_address(stack.settings) if has_relay(stack) else _GUESTS_LISTEN


def has_relay(stack: Stack) -> bool:
    """Return whether this host has guests, and the proxies are on another one."""
    return has_guests(stack) and subnode.is_subnode(stack.settings)


def relay(stack: Stack) -> tuple[str, int]:
    """Return where the relay of this host listens."""
    return host_address(stack.settings), stack.settings.port(_RELAY_PORT)


def give_address(stack: Stack) -> None:
    """Give the address of this host to the loopback of the network in which its guests listen."""
    if places.is_enabled(stack):
        words = ["ip", "address", "replace", f"{host_address(stack.settings)}/32", "dev", "lo"]
        stack.run([namespace.enter(stack), *words])


def relay_command(stack: Stack) -> list[str]:
    """Return the program of the relay."""
    address, port = relay(stack)
    return [sys.executable, "-m", _RELAY_MODULE, address, str(port), str(node.network(stack))]


def fetch_page(stack: Stack) -> None:
    """Unpack noVNC's files of Debian's package, which would install more than them."""
    made = _files(stack)
    if (made / _PAGE).is_file():
        return
    work = made.with_name("novnc.new")
    stack.run(["rm", "-rf", work])
    private_directory(work)
    unpack(stack, work, lambda: (_PACKAGE,))
    (work / "usr/share/novnc").rename(made)
    stack.run(["rm", "-rf", work])


def command(stack: Stack, name: str, python: Path) -> list[str]:
    """Return the program of a proxy with those of its arguments that are not configuration."""
    network = node.network(stack) if has_guests(stack) else _HOST
    port = str(stack.settings.port(_RELAY_PORT))
    words = [str(python), str(_PROGRAM), str(network), port, PROXIES[name].module]
    return [*words, "--web", str(_files(stack))] if name == "n-novnc" else words


def ports(stack: Stack) -> Iterator[tuple[str, str]]:
    """Yield the enabled proxies, with the settings of their ports."""
    for name in enabled(stack):
        yield name, PROXIES[name].port


def _files(stack: Stack) -> Path:
    return cache_directory(stack.settings) / GUESTS / "novnc"
