"""Connections to a keystone that is only played."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from doitstack.stack import Stack
from doitstack_plugins.keystone.admin_api import cloud, identity_api
from tests.unit.plugin_stage import make_stack

# The SDK warns of what its own classes do.
pytestmark = [
    pytest.mark.filterwarnings("ignore::openstack.warnings.RemovedInSDK50Warning"),
    pytest.mark.filterwarnings("ignore::openstack.warnings.RemovedInSDK60Warning"),
]


class Keystone(HTTPServer):
    """Gives tokens, counts them, and takes the last one only."""

    tokens = 0
    services: tuple[str, ...] = ("identity",)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    server: Keystone

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.tokens += 1
        endpoint = {"interface": "public", "region": "RegionOne", "url": f"{self.server.url}/v3"}
        token = {
            "expires_at": "2999-01-01T00:00:00.000000Z",
            "catalog": [
                {"type": service, "endpoints": [endpoint]} for service in self.server.services
            ],
        }
        self.answer(201, {"token": token})

    def do_GET(self) -> None:
        if self.path.startswith("/v3/roles"):
            is_good = self.headers["X-Auth-Token"] == f"token {self.server.tokens}"
            self.answer(200 if is_good else 401, {"roles": []})
        else:
            version = {"id": "v3.14", "status": "stable", "links": []}
            self.answer(200, {"version": version})

    def answer(self, code: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("X-Subject-Token", f"token {self.server.tokens}")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def keystone() -> Iterator[Keystone]:
    with Keystone(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def stack(keystone: Keystone, tmp_path: Path) -> Stack:
    return make_stack(tmp_path, KEYSTONE_SERVICE_URI=keystone.url, REGION_NAME="RegionOne")


def look(stack: Stack) -> None:
    with identity_api(stack) as identity:
        assert list(identity.roles()) == []


def test_connections_share_a_token(stack: Stack, keystone: Keystone) -> None:
    look(stack)
    look(stack)
    assert keystone.tokens == 1


def test_token_that_is_refused_is_taken_anew(stack: Stack, keystone: Keystone) -> None:
    look(stack)
    keystone.tokens += 1
    look(stack)
    assert keystone.tokens == 3


def test_cloud_knows_services_that_have_come_since_the_first_login(
    stack: Stack, keystone: Keystone
) -> None:
    look(stack)
    keystone.services = ("identity", "network")
    with cloud(stack) as connection:
        assert connection.session.get_endpoint(service_type="network") == f"{keystone.url}/v3"
