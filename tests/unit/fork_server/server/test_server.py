"""A server in this process, with a client that sends all it has before it is served."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fork_server.protocol import ACCEPTED, GREETING, REQUEST, encode
from fork_server.server.server import Server

STATUS = b"Umask:\t0022\nSigBlk:\t0\nSigIgn:\t0\nCpus_allowed:\t1\n"
PARTS = [b"0", b"", STATUS, b"limits", b"links", b"a\0", b"A=1\0"]


class FakeEligibility:
    """Decides as it was made to."""

    def __init__(self, obstacle: str = "", *, is_stale: bool = False) -> None:
        self._obstacle, self._is_stale = obstacle, is_stale

    def obstacle(self, request: object) -> str:
        return self._obstacle

    def is_stale(self) -> bool:
        return self._is_stale


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("sock")
        made.listen()
        yield made


def make(listener: socket.socket, eligibility: FakeEligibility | None = None) -> Server:
    decides: Any = eligibility or FakeEligibility()
    return Server(listener, decides, idle=0)


def answers(listener: socket.socket, server: Server, word: bytes = REQUEST) -> bytes:
    """Send a request, and leave; return all that the server has answered."""
    memory = os.memfd_create("request")
    os.write(memory, encode("stamp", PARTS))
    place = os.open("/", os.O_PATH)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(listener.getsockname())
        socket.send_fds(client, [word], [memory, place])
        client.shutdown(socket.SHUT_WR)
        os.close(memory)
        os.close(place)
        assert server.serve() is None
        return b"".join(iter(lambda: client.recv(10), b""))


def test_an_idle_server_ends(listener: socket.socket) -> None:
    assert make(listener).serve() is None


def test_a_client_is_greeted_and_accepted(listener: socket.socket) -> None:
    assert answers(listener, make(listener)) == GREETING + ACCEPTED


def test_what_is_no_request_is_not_accepted(
    listener: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answers(listener, make(listener), b"x") == GREETING
    assert "left to the real command" in capsys.readouterr().out


def test_an_obstacle_is_written_to_the_log(
    listener: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    server = make(listener, FakeEligibility("another version"))
    assert answers(listener, server) == GREETING
    assert capsys.readouterr().out == "left to the real command: another version\n"
    assert not server.is_outdated


def test_a_server_whose_program_has_changed_is_closed(
    listener: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    server = make(listener, FakeEligibility(is_stale=True))
    assert answers(listener, server) == GREETING
    assert "the program has changed" in capsys.readouterr().out
    assert server.is_outdated


def test_descriptors_do_not_pile_up(listener: socket.socket) -> None:
    server = make(listener)
    before = os.listdir("/proc/self/fd")
    for word in (REQUEST, b"x"):
        answers(listener, server, word)
    assert os.listdir("/proc/self/fd") == before
