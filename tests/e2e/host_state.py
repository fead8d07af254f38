"""What a machine has of networks, to compare before and after."""

import re
import subprocess
from pathlib import Path


def host_state() -> dict[str, object]:
    """Return the host's interfaces, addresses, rules, mounts, and files of the system's OVS."""
    return {
        "links": _lines("ip", "-o", "link"),
        "addresses": _lines("ip", "-o", "address"),
        "routes": _lines("ip", "route", "show", "table", "all"),
        "rules": _lines("iptables-save"),
        "mounts": Path("/proc/self/mounts").read_text().splitlines(),
        "namespaces": _names(Path("/run/netns")),
        "system": [_names(Path(path)) for path in _SYSTEM],
    }


_SYSTEM = ("/etc/openvswitch", "/etc/ovn", "/run/openvswitch", "/run/ovn", "/var/lib/ovn")


def _lines(*command: str) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # Counters and the time of a listing are no state; nor are lifetimes of addresses.
    lines = (re.sub(r"\[\d+:\d+\]|\d+sec", "", line) for line in done.stdout.splitlines())
    return [line for line in lines if not line.startswith("#")]


def _names(path: Path) -> list[str] | None:
    return sorted(child.name for child in path.iterdir()) if path.is_dir() else None
