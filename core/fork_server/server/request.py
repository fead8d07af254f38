"""Read the request of a client; whether it can be served is decided elsewhere."""

import array
import os
import socket
from contextlib import suppress
from dataclasses import dataclass

from ..protocol import MOST_DESCRIPTORS, REQUEST, decode


class BadRequestError(Exception):
    """What was received is not a request."""


@dataclass(frozen=True)
class Request:
    """One call: everything that a process inherits, as its caller has it.

    numbers: of the descriptors that the program inherits.
    status, limits: as in /proc/self.
    namespaces: targets of the links `protocol.NAMESPACES`.
    descriptors: ours; the first is the working directory, the others belong at `numbers`.
    """

    stamp: str
    numbers: tuple[int, ...]
    nice: int
    status: dict[str, str]
    limits: str
    namespaces: str
    argv: tuple[str, ...]
    environ: dict[str, str]
    descriptors: tuple[int, ...]

    def close(self) -> None:
        """Close our copies of the caller's descriptors."""
        for descriptor in self.descriptors:
            with suppress(OSError):
                os.close(descriptor)


def receive(connection: socket.socket) -> Request:
    """Read a request.

    Raises BadRequestError, with an empty message if the client has left. Then all descriptors that
    came with the request are closed.
    """
    size = array.array("i").itemsize
    data, control, _, _ = connection.recvmsg(
        1, socket.CMSG_SPACE(MOST_DESCRIPTORS * size), socket.MSG_CMSG_CLOEXEC
    )
    if not data:
        raise BadRequestError
    received = array.array("i")
    for level, kind, content in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            received.frombytes(content[: len(content) // size * size])
    try:
        if data != REQUEST or len(received) < 2:
            raise BadRequestError("no descriptors")
        return _parse(_content(received[0]), tuple(received[1:]))
    except (BadRequestError, ValueError, OSError) as error:
        for descriptor in received[1:]:
            os.close(descriptor)
        raise BadRequestError(str(error)) from error
    finally:
        for descriptor in received[:1]:
            os.close(descriptor)


def _content(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def _parse(data: bytes, descriptors: tuple[int, ...]) -> Request:
    stamp, parts = decode(data)
    nice, numbers, status, limits, namespaces, argv, environ = map(os.fsdecode, parts)
    request = Request(
        stamp,
        tuple(map(int, numbers.split())),
        int(nice),
        status_fields(status),
        limits,
        namespaces,
        tuple(argv.split("\0")[:-1]),
        environment(environ),
        descriptors,
    )
    if len(request.numbers) != len(descriptors) - 1:
        raise BadRequestError("descriptors are missing")
    return request


def status_fields(text: str) -> dict[str, str]:
    """Return /proc/PID/status as a dictionary."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in pairs}


def environment(text: str) -> dict[str, str]:
    """Return /proc/PID/environ as Python sees it: of a name that comes twice, the first."""
    found: dict[str, str] = {}
    for entry in text.split("\0"):
        name, separator, value = entry.partition("=")
        if separator and name:
            found.setdefault(name, value)
    return found
