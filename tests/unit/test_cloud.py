"""Connections to a keystone that is only played, and get-or-create."""

import importlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType

import pytest

from doitstack.cloud import cloud, first, get_or_create, identity_api
from doitstack.errors import ServiceError
from doitstack.stack import Stack
from tests.unit.recorded_actions import make_stack

# The SDK warns about its own classes.
pytestmark = [
    pytest.mark.filterwarnings("ignore::openstack.warnings.RemovedInSDK50Warning"),
    pytest.mark.filterwarnings("ignore::openstack.warnings.RemovedInSDK60Warning"),
]


@pytest.fixture
def sdk_errors() -> ModuleType:
    """Return openstack.exceptions; imported at the top, all workers of pytest would wait for it."""
    return importlib.import_module("openstack.exceptions")


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
        elif self.path.startswith("/v3/users"):
            self.answer(403, {})
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
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
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


def test_refused_token_is_replaced(stack: Stack, keystone: Keystone) -> None:
    look(stack)
    keystone.tokens += 1
    look(stack)
    assert keystone.tokens == 3


def test_cloud_has_services_added_since_the_first_login(stack: Stack, keystone: Keystone) -> None:
    look(stack)
    keystone.services = ("identity", "network")
    with cloud(stack) as connection:
        assert connection.session.get_endpoint(service_type="network") == f"{keystone.url}/v3"


def test_refusal_is_an_error_that_names_the_cloud(stack: Stack, keystone: Keystone) -> None:
    with pytest.raises(ServiceError) as raised, identity_api(stack) as identity:
        list(identity.users())
    assert str(raised.value).startswith(f"the cloud at {keystone.url}/v3: ")
    assert "403" in str(raised.value)


def test_get_or_create_creates_only_what_is_missing() -> None:
    made: list[str] = []

    def create() -> str:
        made.append("x")
        return "x"

    assert [get_or_create(lambda: first(made), create) for _ in range(2)] == ["x", "x"]
    assert made == ["x"]


def test_get_or_create_returns_what_another_process_created_first(sdk_errors: ModuleType) -> None:
    answers = [None, "theirs"]

    def create() -> str:
        raise sdk_errors.ConflictException("exists")

    assert get_or_create(lambda: answers.pop(0), create) == "theirs"


@pytest.mark.parametrize("error", ["ConflictException", "SDKException"])
def test_get_or_create_raises_what_prevents_it(sdk_errors: ModuleType, error: str) -> None:
    def create() -> str:
        raise getattr(sdk_errors, error)("no")

    with pytest.raises(getattr(sdk_errors, error)):
        get_or_create(lambda: None, create)
