"""Run nova-compute with the network cards of guests in sight.

    python doitstack_compute.py [OPTION...]

It runs in the network of the host, where services are, and sees the interfaces of the stack's
network in /sys/class/net. Os-vif would look for the card of a guest in the host's own network, and
make it again: nova-compute could not be restarted while a guest runs.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

INTERFACES = Path("/sys/class/net")


def see_interfaces(ip: Any) -> None:
    """Let the object `ip` of os-vif find an interface where it is listed."""
    type(ip).exists = lambda _, device: (INTERFACES / device).exists()


def main() -> None:
    """Run the module of nova.cmd; the options are its own."""
    # It must be the first of nova, as it may change Python's own modules.
    command = importlib.import_module("nova.cmd.compute")
    # Os-vif lets none but its own plugins import this object.
    see_interfaces(importlib.import_module("vif_plug_ovs.ovs").ip_lib)
    sys.argv[0] = "nova-compute"
    command.main()


if __name__ == "__main__":
    main()
