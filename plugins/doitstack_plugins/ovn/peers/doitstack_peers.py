"""Keep the other ends of the link between hosts: those that OVN's southbound database names.

    python doitstack_peers.py DATABASE OWN_ADDRESS DEVICE [PREFIX...]

Each host is in the database with the address of its end. A host that comes or goes is noticed at
once. PREFIX are words before a command that run it where DEVICE is.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator

_EVERYONE = "00:00:00:00:00:00"
"""The entry for packets to an address that has not been seen yet: each of its ends gets them."""

_AGAIN_SECONDS = 1


class Link:
    """The device, and the ends that it has."""

    def __init__(self, device: str, prefix: list[str]) -> None:
        self._bridge = [*prefix, "bridge", "fdb"]
        self._device = device
        self._ends: set[str] = set()

    def reach(self, ends: set[str]) -> None:
        """Let the device have these ends and no others. Raises CalledProcessError."""
        for action, changed in {"append": ends - self._ends, "del": self._ends - ends}.items():
            for end in sorted(changed):
                words = [action, _EVERYONE, "dev", self._device, "dst", end]
                subprocess.run([*self._bridge, *words], check=True)
                sys.stdout.write(f"{action} {end}\n")
                sys.stdout.flush()
        self._ends = ends


def addresses(lines: Iterable[str]) -> Iterator[set[str]]:
    """Yield the addresses in the database, after each change that a monitor of it prints."""
    found: dict[str, str] = {}
    last = ""
    for line in lines:
        for row, action, address in json.loads(line)["data"]:
            # A changed row comes twice: the second time as new, without its identifier.
            last = row or last
            if action in ("delete", "old"):
                found.pop(last, None)
            else:
                found[last] = address
        yield set(found.values())


def main(database: str, own: str, link: Link) -> None:
    """Follow the database for ever; if it is away, the ends stay as they are."""
    columns = ["OVN_Southbound", "Encap", "ip"]
    while True:
        command = ["ovsdb-client", "monitor", "--format=json", database, *columns]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as monitor:
            for known in addresses(monitor.stdout or ()):
                link.reach(known - {own})
        time.sleep(_AGAIN_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Link(sys.argv[3], sys.argv[4:]))
