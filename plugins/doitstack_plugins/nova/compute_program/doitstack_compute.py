"""Run nova-compute with the network cards and consoles of guests in sight.

    python doitstack_compute.py PORTS [OPTION...]

It runs in the network of the host, where services are, and sees the interfaces of the stack's
network in /sys/class/net. Os-vif would look for the card of a guest in the host's own network, and
make it again: nova-compute could not be restarted while a guest runs. Nova would look there for a
free port for a serial console, too, and give away one of a guest that runs. PORTS is the list of
the sockets in the network of guests: its /proc/PID/net/tcp.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

INTERFACES = Path("/sys/class/net")
_LISTENS = "0A"


def see_interfaces(ip: Any) -> None:
    """Let the object `ip` of os-vif find an interface where it is listed."""
    type(ip).exists = lambda _, device: (INTERFACES / device).exists()


def see_ports(serial: Any, ports: Path) -> None:
    """Let nova's module of serial consoles find a port in use where it is listed."""

    def verify(host: str, port: int) -> None:
        if port in used_ports(ports):
            raise serial.exception.SocketPortInUseException(host=host, port=port, error="in use")

    serial._verify_port = verify


def used_ports(ports: Path) -> set[int]:
    """Return the ports at which a process listens."""
    _, *sockets = map(str.split, ports.read_text().splitlines())
    return {int(words[1].partition(":")[2], 16) for words in sockets if words[3] == _LISTENS}


def main() -> None:
    """Run the module of nova.cmd; the options after the first argument are its own."""
    # It must be the first of nova, as it may change Python's own modules.
    command = importlib.import_module("nova.cmd.compute")
    # Os-vif lets none but its own plugins import this object.
    see_interfaces(importlib.import_module("vif_plug_ovs.ovs").ip_lib)
    see_ports(importlib.import_module("nova.console.serial"), Path(sys.argv[1]))
    sys.argv = ["nova-compute", *sys.argv[2:]]
    command.main()


if __name__ == "__main__":
    main()
