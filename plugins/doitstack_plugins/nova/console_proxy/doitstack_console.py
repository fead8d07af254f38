"""Run a console proxy of nova that reaches guests in the network of the stack.

    python doitstack_console.py NETWORK PROGRAM [OPTION...]

Run by nova's environment. Users and nova's own services are in the network of the host, where the
proxy listens; the consoles of guests are in the network namespace NETWORK, which is entered for as
long as it takes to connect to one.
"""

import ctypes
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_CLONE_NEWNET = 0x40000000


@contextmanager
def in_network(path: str) -> Iterator[None]:
    """Make sockets of this thread in the network namespace `path` in the block. Raises OSError."""
    with open("/proc/thread-self/ns/net", "rb") as own, open(path, "rb") as other:  # noqa: PTH123
        _enter(other.fileno())
        try:
            yield
        finally:
            _enter(own.fileno())


def connecting_in(network: str, handler: Any) -> None:
    """Let a request handler of the proxy make its connections to guests in `network`."""
    connect = handler.socket

    def socket(self: Any, *arguments: Any, **named: Any) -> Any:
        with in_network(network):
            return connect(self, *arguments, **named)

    handler.socket = socket


def main(network: str, program: str) -> None:
    """Run the module of nova.cmd with this name; the options that follow are its own."""
    # It must be the first of nova, as it may change Python's own modules.
    command = importlib.import_module(f"nova.cmd.{program}")
    proxy = importlib.import_module("nova.console.websocketproxy")
    connecting_in(network, proxy.NovaProxyRequestHandler)
    sys.argv = [program, *sys.argv[3:]]
    command.main()


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "setns")


if __name__ == "__main__":
    main(*sys.argv[1:3])
