"""XML-RPC over a Unix socket has answers, refusals and a time limit."""

import os
import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault
from xmlrpc.server import SimpleXMLRPCDispatcher, SimpleXMLRPCRequestHandler

import pytest

from doitstack.services.unixrpc import call_unix
from tests.unit.another_user import ANOTHER


class Handler(SimpleXMLRPCRequestHandler):
    disable_nagle_algorithm = False

    def address_string(self) -> str:
        return "unix"

    def log_request(self, *_: Any) -> None:
        pass


class Server(socketserver.UnixStreamServer, SimpleXMLRPCDispatcher):
    def __init__(self, path: Path) -> None:
        SimpleXMLRPCDispatcher.__init__(self, allow_none=False, encoding=None)
        super().__init__(str(path), Handler)


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "socket"
    with Server(path) as server:
        server.register_function(lambda a, b: a + b, "math.add")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield path
        server.shutdown()
        thread.join()


def test_answer_is_returned(path: Path) -> None:
    assert call_unix(str(path), "math.add", 1, 2, timeout=30) == 3


def test_refusal_is_a_fault(path: Path) -> None:
    with pytest.raises(Fault, match="is not supported"):
        call_unix(str(path), "math.subtract", 1, 2, timeout=30)


def test_server_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "socket"))
        silent.listen()
        with pytest.raises(TimeoutError):
            call_unix(str(tmp_path / "socket"), "math.add", timeout=0.05)


def test_missing_server_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        call_unix(str(tmp_path / "socket"), "math.add", timeout=1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_socket_of_another_user_is_sent_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o777)
    monkeypatch.chdir(tmp_path)  # which others cannot reach
    with socket.socket(socket.AF_UNIX) as theirs:
        os.seteuid(ANOTHER)
        try:
            theirs.bind("socket")
            theirs.listen()
        finally:
            os.seteuid(0)
        with pytest.raises(PermissionError, match="Another user listens there"):
            call_unix("socket", "math.add", 1, 2, timeout=30)
        connection, _ = theirs.accept()
        with connection:
            assert connection.recv(1) == b""
