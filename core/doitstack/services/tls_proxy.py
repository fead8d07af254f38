"""A TLS proxy for HTTP services; `start_tls_proxy` of the shell library runs it.

    python -m doitstack.services.tls_proxy HOST PORT BACK_HOST BACK_PORT CERTIFICATE [HEADER_BYTES]

It serves one request per connection, so that each request gets an `X-Forwarded-Proto` header. HOST
`*` means every address; CERTIFICATE also contains the key. Knows nothing of stacks.
"""

import asyncio
import ssl
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

_HEADER_BYTES = 8190
_CHUNK = 65536
_OURS = (b"connection:", b"x-forwarded-proto:")
_SERVICE_UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n"

Back = tuple[str, int]
"""The address on which the service listens."""


def main(arguments: Sequence[str]) -> None:
    """Serve until the process ends."""
    host, port, back_host, back_port, certificate, *limit = arguments
    back = (back_host.strip("[]"), int(back_port))
    header_bytes = int(limit[0]) if limit else _HEADER_BYTES
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    address = (None if host == "*" else host.strip("[]"), int(port))
    asyncio.run(_listen(address, back, context, header_bytes))


async def _listen(
    address: tuple[str | None, int], back: Back, context: ssl.SSLContext, header_bytes: int
) -> None:
    server = await asyncio.start_server(
        partial(_answer, back), *address, ssl=context, limit=header_bytes
    )
    places = ["{} port {}".format(*socket.getsockname()) for socket in server.sockets]
    print("listens on", ", ".join(places), flush=True)  # noqa: T201 - a service's output is its log
    await server.serve_forever()


async def _answer(back: Back, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Forward one request, and its answer back."""
    try:
        await _forward(back, reader, writer)
    except asyncio.LimitOverrunError:
        writer.write(_TOO_LARGE)
    except (OSError, asyncio.IncompleteReadError):
        pass  # the client has closed the connection
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _forward(back: Back, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    try:
        back_reader, back_writer = await asyncio.open_connection(*back)
    except OSError:
        writer.write(_SERVICE_UNAVAILABLE)
        return
    body = asyncio.create_task(_copy(reader, back_writer))
    try:
        back_writer.write(_with_proxy_headers(head))
        await _copy(back_reader, writer)
    finally:
        body.cancel()
        back_writer.close()


def _with_proxy_headers(head: bytes) -> bytes:
    """Return the head of a request with the headers that the proxy sets."""
    first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    kept = [line for line in lines if not line.lower().startswith(_OURS)]
    return b"\r\n".join((first, *kept, b"X-Forwarded-Proto: https", b"Connection: close", b"", b""))


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await source.read(_CHUNK):
            target.write(chunk)
            await target.drain()


if __name__ == "__main__":
    main(sys.argv[1:])
