"""Let console proxies on other hosts reach the guests of this one, which listen in its own network.

    python -m doitstack_plugins.nova.console_proxy.relay ADDRESS PORT NETWORK

A client sends `CONNECT ADDRESS:PORT HTTP/1.1`, as to any such proxy, with a port of a guest, which
listens at the same ADDRESS in the network namespace NETWORK. After the answer, all it sends and
gets is the guest's.
"""

import asyncio
import re
import socket
import sys
from asyncio import StreamReader, StreamWriter
from contextlib import suppress

from doitstack_plugins.nova.console_proxy.doitstack_console import in_network

_REQUEST = re.compile(rb"CONNECT (\S+):(\d{1,5}) HTTP/1\.1\r\n\r\n")
_AT_ONCE = 1 << 16


class Relay:
    """Passes connections on to guests, which listen at `address` in the namespace `network`."""

    def __init__(self, address: str, network: str) -> None:
        self._address = address
        self._network = network

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Connect a client with a guest, until either ends."""
        try:
            guest = await self._guest(await reader.readuntil(b"\r\n\r\n"))
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            await _answer(writer, b"502 Bad Gateway")
            writer.close()
            return
        await _answer(writer, b"200 OK")
        await asyncio.gather(_pass_on(reader, guest[1]), _pass_on(guest[0], writer))

    async def _guest(self, request: bytes) -> tuple[StreamReader, StreamWriter]:
        match = _REQUEST.fullmatch(request)
        if not match or match[1].decode() != self._address:
            raise ValueError(request)
        with in_network(self._network):
            end = socket.socket()
        end.setblocking(False)  # noqa: FBT003 - its only form
        try:
            await asyncio.get_running_loop().sock_connect(end, (self._address, int(match[2])))
        except OSError:
            end.close()
            raise
        return await asyncio.open_connection(sock=end)


async def _answer(writer: StreamWriter, status: bytes) -> None:
    writer.write(b"HTTP/1.1 " + status + b"\r\n\r\n")
    await writer.drain()


async def _pass_on(reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_AT_ONCE):
            writer.write(data)
            await writer.drain()
    writer.close()


async def main(address: str, port: int, network: str) -> None:
    """Serve for ever."""
    server = await asyncio.start_server(Relay(address, network).serve, address, port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
