"""The relay of consoles: a guest is a server in a network namespace."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from doitstack_plugins.nova.console_proxy import doitstack_console
from tests.ports import free_port

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces are root's")

GUEST = """
import socket, subprocess
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
server = socket.create_server(("127.0.0.2", 5900))
print(flush=True)
while True:
    client, _ = server.accept()
    client.sendall(b"RFB " + client.recv(4))
    client.close()
"""


@pytest.fixture
def relay() -> Iterator[int]:
    """The port of a relay."""
    with subprocess.Popen(
        ["unshare", "--net", sys.executable, "-c", GUEST], stdout=subprocess.PIPE
    ) as guest:
        assert guest.stdout
        guest.stdout.readline()
        port = free_port()
        words = [f"/proc/{guest.pid}/ns/net"]
        module = "doitstack_plugins.nova.console_proxy.relay"
        command = [sys.executable, "-m", module, "127.0.0.2", str(port), *words]
        with subprocess.Popen(command) as relay:
            connected(port).close()
            yield port
            relay.kill()
        guest.kill()


def connected(port: int) -> socket.socket:
    while True:
        try:
            return socket.create_connection(("127.0.0.2", port), 250)
        except ConnectionRefusedError:
            time.sleep(0.02)


class Handler:
    """As nova's, it connects to a host and a port; all hosts are this one."""

    def socket(self, host: str, port: int, **named: Any) -> socket.socket:
        return connected(port)


def test_proxy_reaches_a_guest_of_another_host(relay: int) -> None:
    class Proxy(Handler):
        pass

    doitstack_console.connecting_in("/nowhere", relay, Proxy)
    with Proxy().socket("127.0.0.2", 5900, connect=True) as console:
        console.sendall(b"003\n")
        assert console.recv(8) == b"RFB 003\n"
        assert console.recv(1) == b""
    with pytest.raises(ConnectionRefusedError, match="no guest at port 5901"):
        Proxy().socket("127.0.0.2", 5901, connect=True)


@pytest.mark.parametrize(
    "request_", [b"GET / HTTP/1.1\r\n\r\n", b"CONNECT 10.0.0.1:22 HTTP/1.1\r\n\r\n"]
)
def test_anything_else_is_refused(relay: int, request_: bytes) -> None:
    with connected(relay) as client:
        client.sendall(request_)
        assert client.recv(100).startswith(b"HTTP/1.1 502 ")
