"""A service is healthy when it answers rightly."""

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from doitstack_plugins.shared import health


class _Api(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(300)
        self.end_headers()
        self.wfile.write(b'{"versions": []}')

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    """The address of an API."""
    with HTTPServer(("127.0.0.1", 0), _Api) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield "127.0.0.1", server.server_port
        server.shutdown()


def test_api_that_answers_is_healthy(address: tuple[str, int]) -> None:
    assert health.has_key(address, "/", "versions")
    assert health.has_text(address, "/", "versions")


def test_answer_of_another_user_who_has_taken_the_port_counts_for_nothing(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = os.geteuid()
    monkeypatch.setattr(health.os, "geteuid", lambda: mine + 1)
    assert not health.has_key(address, "/", "versions")
    assert not health.has_text(address, "/", "versions")
