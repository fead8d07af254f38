"""What the broker is asked about queues: the frames of AMQP 0-9-1, by a broker of four queues."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from doitstack.services.services import Services
from doitstack.stack import Stack
from doitstack_plugins.backing import rabbit_queues
from tests.ports import free_port
from tests.unit.recorded_actions import make_stack

QUEUES = {("/", "idle"): 0, ("/", "busy"): 1, ("cell", "idle"): 300}
"""Their consumers, by virtual host and name."""


class Broker:
    """It answers in the frames that a RabbitMQ sends, and refuses other passwords."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        assert connection.recv(8) == b"AMQP\x00\x00\x09\x01"
        self._send(connection, 0, (10, 10), b"\x00\x09" + bytes(4) + long("PLAIN") + long("en_US"))
        if b"\0stackrabbit\0secret" not in self._receive(connection, 0, (10, 11)):
            return
        self._send(connection, 0, (10, 30), struct.pack(">HIH", 2047, 131072, 60))
        assert self._receive(connection, 0, (10, 31)) == struct.pack(">HIH", 2047, 131072, 0)
        vhost = first_word(self._receive(connection, 0, (10, 40)))
        self._send(connection, 0, (10, 41), bytes(1))
        self._receive(connection, 1, (20, 10))
        self._send(connection, 1, (20, 11), bytes(4))
        asked = self._receive(connection, 1, (50, 10))
        queue = first_word(asked[2:])
        assert asked[3 + len(queue) :] == b"\x01" + bytes(4)
        if (vhost, queue) in QUEUES:
            counts = struct.pack(">II", 7, QUEUES[vhost, queue])
            name = bytes([len(queue)]) + queue.encode()
            self._send(connection, 1, (50, 11), name + counts)
        else:
            self._send(connection, 1, (20, 40), b"\x01\x94" + bytes(5))

    def _send(
        self, connection: socket.socket, channel: int, method: tuple[int, int], arguments: bytes
    ) -> None:
        payload = struct.pack(">HH", *method) + arguments
        frame = struct.pack(">BHI", 1, channel, len(payload)) + payload + b"\xce"
        # In two parts, as a network may deliver it.
        connection.sendall(frame[:5])
        connection.sendall(frame[5:])

    def _receive(self, connection: socket.socket, channel: int, method: tuple[int, int]) -> bytes:
        kind, of, size = struct.unpack(">BHI", connection.recv(7, socket.MSG_WAITALL))
        payload = connection.recv(size + 1, socket.MSG_WAITALL)
        assert (kind, of, payload[-1:]) == (1, channel, b"\xce")
        assert struct.unpack(">HH", payload[:4]) == method
        return payload[4:-1]


def long(text: str) -> bytes:
    return struct.pack(">I", len(text)) + text.encode()


def first_word(data: bytes) -> str:
    return data[1 : 1 + data[0]].decode()


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack with such a broker."""
    port = free_port()
    broker = Broker(port)
    yield make_stack(
        tmp_path,
        RABBIT_HOST="127.0.0.1",
        RABBIT_PORT=str(port),
        RABBIT_USERID="stackrabbit",
        RABBIT_PASSWORD="secret",
    )
    broker.close()


@pytest.mark.parametrize(
    ("queue", "vhost", "expected"),
    [
        ("busy", "", 1),
        ("idle", "", 0),
        ("idle", "cell", 300),
        ("busy", "cell", None),
        ("nosuch", "", None),
    ],
)
def test_consumers_are_those_of_the_queue_in_its_virtual_host(
    stack: Stack, queue: str, vhost: str, expected: int | None
) -> None:
    assert rabbit_queues.consumers(stack, queue, vhost) == expected


def test_broker_that_refuses_or_is_not_there_has_no_queue(stack: Stack) -> None:
    stack.settings.update({"RABBIT_PASSWORD": "other"})
    assert rabbit_queues.consumers(stack, "busy") is None
    stack.settings.update({"RABBIT_PORT": str(free_port())})
    assert rabbit_queues.consumers(stack, "busy") is None


@pytest.mark.parametrize(
    ("queue", "started", "takes"),
    [("busy", 10.0, True), ("busy", 0.5, False), ("idle", 10.0, False), ("nosuch", 10.0, False)],
)
def test_daemon_takes_messages_once_the_broker_has_noticed_the_end_of_the_one_before(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, queue: str, started: float, takes: bool
) -> None:
    monkeypatch.setattr(Services, "started", lambda *_: time.time() - started)
    assert rabbit_queues.takes_messages(stack, "c-sch", queue) is takes
