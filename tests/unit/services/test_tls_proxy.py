"""What the proxy does with one request, without TLS; tests/integration/services has all of it."""

import asyncio
from functools import partial

import pytest

from doitstack.services import tls_proxy


def test_headers_of_the_proxy_replace_those_of_the_client() -> None:
    head = b"GET / HTTP/1.1\r\nHost: a\r\nx-forwarded-proto: http\r\nCONNECTION: keep-alive\r\n\r\n"
    assert tls_proxy._with_proxy_headers(head) == (
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n"
    )


async def _service(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with the head of the request and as much of its body as comes at once."""
    head = await reader.readuntil(b"\r\n\r\n")
    writer.write(head + await reader.readexactly(4))
    writer.close()


async def _answer(request: bytes, *, is_up: bool = True) -> bytes:
    """Return what the proxy answers to a request, with 100 bytes as the limit of its head."""
    service = await asyncio.start_server(_service, "127.0.0.1", 0)
    back = service.sockets[0].getsockname()
    if not is_up:
        service.close()
        await service.wait_closed()
    proxy = await asyncio.start_server(partial(tls_proxy._answer, back), "127.0.0.1", 0, limit=100)
    async with proxy, service:
        reader, writer = await asyncio.open_connection(*proxy.sockets[0].getsockname())
        writer.write(request)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    return answer


def test_request_and_answer_are_forwarded() -> None:
    answer = asyncio.run(_answer(b"POST / HTTP/1.1\r\n\r\nbody"))
    assert answer == (
        b"POST / HTTP/1.1\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\nbody"
    )


@pytest.mark.parametrize(
    ("request_", "is_up", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", False, b"503"),
        (b"GET /" + b"a" * 300 + b"\r\n\r\n", True, b"431"),
    ],
)
def test_what_cannot_be_forwarded_has_a_status(request_: bytes, is_up: bool, status: bytes) -> None:
    answer = asyncio.run(_answer(request_, is_up=is_up))
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"Connection: close" in answer
