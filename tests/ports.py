"""Ports for services of tests: free ones that nothing else takes before the service does."""

import random
import socket

_FIRST, _LAST = 20_000, 32_767
"""Below those that Linux gives to connections and to sockets without a port of their own."""


def free_port() -> int:
    """Return a port that is free on all addresses; another call hardly ever returns the same."""
    chosen = random.SystemRandom()  # tests may have a seed of their own
    while True:
        port = chosen.randint(_FIRST, _LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
