"""TLS in front of HTTP, for real: a proxy process, its certificate, and a service."""

import http.client
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest


class Echo(BaseHTTPRequestHandler):
    """Answers with the request."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        told = {name: self.headers[name] for name in ("X-Forwarded-Proto", "Connection", "X-Other")}
        answer = f"{self.path} {told} {len(body)}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[int]:
    """Return the port of a service."""
    server = HTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Return a file with a key and a certificate of 127.0.0.1, as DEVSTACK_CERT is one."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    both = tmp_path / "both.pem"
    both.write_text(key.read_text() + cert.read_text())
    return both


@contextmanager
def proxy(host: str, back_port: int, certificate: Path, *more: str) -> Iterator[int]:
    """Run a proxy; give the port at which it listens."""
    command = [
        sys.executable,
        "-m",
        "doitstack.services.tls_proxy",
        host,
        "0",
        "127.0.0.1",
        str(back_port),
    ]
    with subprocess.Popen(
        [*command, str(certificate), *more], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        found = re.search(r"(?:127.0.0.1|0.0.0.0) port (\d+)", process.stdout.readline())
        assert found
        yield int(found[1])
        process.terminate()


def ask(
    port: int, certificate: Path, headers: dict[str, str], body: bytes = b""
) -> tuple[int, str]:
    context = ssl.create_default_context(cafile=str(certificate))
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=250)
    connection.request("POST", "/v1?x=1", body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


@pytest.mark.parametrize("host", ["127.0.0.1", "*"])
def test_service_learns_the_protocol_of_the_request(
    service: int, certificate: Path, host: str
) -> None:
    headers = {"X-Forwarded-Proto": "http", "Connection": "keep-alive", "X-Other": "kept"}
    told = {"X-Forwarded-Proto": "https", "Connection": "close", "X-Other": "kept"}
    with proxy(host, service, certificate) as port:
        for size in (0, 3_000_000):
            assert ask(port, certificate, headers, b"x" * size) == (200, f"/v1?x=1 {told} {size}")


def test_missing_service_is_unavailable(certificate: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # it does not listen
        with proxy("127.0.0.1", closed.getsockname()[1], certificate) as port:
            assert ask(port, certificate, {}) == (503, "")


def test_headers_have_a_limit(service: int, certificate: Path) -> None:
    with proxy("127.0.0.1", service, certificate) as port:
        assert ask(port, certificate, {"X-Other": "x" * 9000})[0] == 431
    with proxy("127.0.0.1", service, certificate, "16384") as port:
        assert ask(port, certificate, {"X-Other": "x" * 9000})[0] == 200


def test_client_without_tls_does_no_harm(service: int, certificate: Path) -> None:
    with proxy("127.0.0.1", service, certificate) as port:
        with socket.create_connection(("127.0.0.1", port), 30) as plain:
            plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert b"HTTP" not in plain.recv(100)
        assert ask(port, certificate, {})[0] == 200
