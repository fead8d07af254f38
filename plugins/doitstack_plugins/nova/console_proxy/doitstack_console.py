"""Run a console proxy of nova that reaches guests in the network of the stack.

    python doitstack_console.py NETWORK RELAY PROGRAM [OPTION...]

Run by nova's environment. Users and nova's own services are in the network of the host, where the
proxy listens; the consoles of guests are in the network namespace NETWORK, which is entered for as
long as it takes to connect to one. Those on other hosts are reached by the relays there, at the
port RELAY.
"""

import ctypes
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_HERE = "127.0.0.1"
"""Where the guests of this host listen, in their network."""

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


def connecting_in(network: str, relay: int, handler: Any) -> None:
    """Let a request handler of the proxy connect to guests in `network`, or by relays elsewhere."""
    connect = handler.socket

    def socket(self: Any, host: str, port: int, **named: Any) -> Any:
        if host != _HERE:
            return through_relay(connect(self, host, relay, **named), host, port)
        with in_network(network):
            return connect(self, host, port, **named)

    handler.socket = socket


def through_relay(connection: Any, host: str, port: int) -> Any:
    """Return a connection to the relay of `host` as one to a guest there. Raises OSError."""
    connection.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n".encode())
    answer = b""
    # Byte by byte: what follows is the guest's.
    while not answer.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            break
        answer += byte
    if b" 200 " not in answer.partition(b"\r\n")[0]:
        connection.close()
        raise ConnectionRefusedError(f"no guest at port {port}")
    return connection


def main(network: str, relay: int, program: str) -> None:
    """Run the module of nova.cmd with this name; the options that follow are its own."""
    # It must be the first of nova, as it may change Python's own modules.
    command = importlib.import_module(f"nova.cmd.{program}")
    proxy = importlib.import_module("nova.console.websocketproxy")
    connecting_in(network, relay, proxy.NovaProxyRequestHandler)
    sys.argv = [program, *sys.argv[4:]]
    command.main()


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "setns")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
