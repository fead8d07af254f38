"""Make Swift's rings, each of one device. Runs in Swift's own environment, by its interpreter.

Arguments: the directory for the rings, the address, the device, then the ports of the account, the
container and the object server.
"""

import sys
from pathlib import Path

from swift.common.ring import RingBuilder  # type: ignore[import-not-found]

_PART_POWER = 6


def main(directory: str, host: str, device: str, *ports: str) -> None:
    """Write NAME.ring.gz for each of the three rings."""
    for name, port in zip(("account", "container", "object"), ports, strict=True):
        builder = RingBuilder(_PART_POWER, 1, 1)
        place = {"region": 1, "zone": 1, "ip": host, "port": int(port)}
        builder.add_dev({**place, "device": device, "weight": 1.0})
        builder.rebalance()
        builder.get_ring().save(str(Path(directory) / f"{name}.ring.gz"))


if __name__ == "__main__":
    main(*sys.argv[1:])
