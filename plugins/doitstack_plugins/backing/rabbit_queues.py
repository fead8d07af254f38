"""Ask the broker whether there is a queue, and whether a daemon takes messages from it.

A daemon that takes messages works. Nova's report to the database only 5 s later, Cinder's 10 s.
This is as much of AMQP 0-9-1 as it takes: no client of the protocol is installed where the run is.
"""

import socket
import struct
import time
from typing import NamedTuple

from doitstack import Stack
from doitstack.config.addresses import socket_host

_HEADER = b"AMQP\x00\x00\x09\x01"
_FRAME = struct.Struct(">BHI")
"""What each frame begins with: its type, its channel, and the size of its payload."""

_METHOD, _END = 1, b"\xce"
_TIMEOUT = 10

_NOTICED = 1
"""Seconds after which the broker has noticed that a process has ended."""


class _Method(NamedTuple):
    """The numbers of a method: of its class, and its own."""

    of_class: int
    number: int


_START, _START_OK = _Method(10, 10), _Method(10, 11)
_TUNE, _TUNE_OK = _Method(10, 30), _Method(10, 31)
_OPEN, _OPEN_OK = _Method(10, 40), _Method(10, 41)
_OPEN_CHANNEL, _OPEN_CHANNEL_OK = _Method(20, 10), _Method(20, 11)
_DECLARE, _DECLARE_OK = _Method(50, 10), _Method(50, 11)
_PASSIVE = b"\x01"
"""The flag by which a queue is not made, but only looked at."""


def takes_messages(stack: Stack, process: str, queue: str, vhost: str = "") -> bool:
    """Return whether the daemon `process` takes messages from its queue.

    Soon after its start the broker may not have noticed that the process before it has ended.
    """
    if time.time() < stack.services.started(process) + _NOTICED:
        return False
    return bool(consumers(stack, queue, vhost))


def consumers(stack: Stack, queue: str, vhost: str = "") -> int | None:
    """Return how many consumers take messages from `queue`; None if there is no such queue.

    Or if the broker does not answer. Without a `vhost` it is the one that all services share.
    """
    settings = stack.settings
    address = socket_host(settings["RABBIT_HOST"]), settings.port("RABBIT_PORT")
    login = f"\0{settings['RABBIT_USERID']}\0{stack.password('RABBIT_PASSWORD')}"
    try:
        with socket.create_connection(address, _TIMEOUT) as connection:
            # Without it the second of two frames waits some 40 ms for the receipt of the first.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _log_in(connection, login, vhost or "/")
            return _look(connection, queue)
    except (OSError, EOFError):
        return None


def _log_in(connection: socket.socket, login: str, vhost: str) -> None:
    """Open a connection of the protocol, and its channel 1. Raises EOFError if it is refused."""
    connection.sendall(_HEADER)
    _receive(connection, _START)
    no_properties = _long(b"")
    answer = no_properties + _short("PLAIN") + _long(login.encode()) + _short("en_US")
    _send(connection, 0, _START_OK, answer)
    limits = _receive(connection, _TUNE)
    # The last of them is the interval of heartbeats.
    _send(connection, 0, _TUNE_OK, limits[:6] + bytes(2))
    _send(connection, 0, _OPEN, _short(vhost) + _short("") + bytes(1))
    _receive(connection, _OPEN_OK)
    _send(connection, 1, _OPEN_CHANNEL, _short(""))
    _receive(connection, _OPEN_CHANNEL_OK)


def _look(connection: socket.socket, queue: str) -> int:
    """Return the number of consumers of a queue. Raises EOFError if there is no such queue."""
    _send(connection, 1, _DECLARE, bytes(2) + _short(queue) + _PASSIVE + _long(b""))
    answer = _receive(connection, _DECLARE_OK)
    # Before it are the queue's name and the number of its messages.
    return int.from_bytes(answer[-4:], "big")


def _send(connection: socket.socket, channel: int, method: _Method, arguments: bytes) -> None:
    payload = struct.pack(">HH", *method) + arguments
    connection.sendall(_FRAME.pack(_METHOD, channel, len(payload)) + payload + _END)


def _receive(connection: socket.socket, method: _Method) -> bytes:
    """Return the arguments of `method`. Raises EOFError if the broker sends another, or nothing."""
    kind, _, size = _FRAME.unpack(_read(connection, _FRAME.size))
    payload = _read(connection, size + len(_END))[: -len(_END)]
    if kind != _METHOD or struct.unpack(">HH", payload[:4]) != method:
        raise EOFError("the broker refuses")
    return payload[4:]


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        if not (more := connection.recv(size - len(data))):
            raise EOFError("the broker has closed the connection")
        data += more
    return data


def _short(text: str) -> bytes:
    data = text.encode()
    return bytes([len(data)]) + data


def _long(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data
