"""What a client says of itself: read, not judged."""

import array
import os
import socket
from contextlib import suppress
from dataclasses import dataclass

MOST_DESCRIPTORS = 253  # SCM_MAX_FD of the kernel


class BadRequestError(Exception):
    """What came is no request of ours."""


@dataclass(frozen=True)
class Request:
    """One call: everything that a process inherits, as its caller has it.

    `descriptors` are ours; the first is the working directory, the others belong at `numbers`.
    `status` and `limits` are as in /proc/self, `place` is the namespaces.
    """

    stamp: str
    numbers: tuple[int, ...]
    nice: int
    status: dict[str, str]
    limits: str
    place: str
    argv: tuple[str, ...]
    environ: dict[str, str]
    descriptors: tuple[int, ...]

    def close(self) -> None:
        """Let go of the caller's descriptors."""
        for descriptor in self.descriptors:
            with suppress(OSError):
                os.close(descriptor)


def receive(connection: socket.socket) -> Request:
    """Read a request.

    Raises BadRequestError, having closed what came with it; without words if nothing came.
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
        if data != b"?" or len(received) < 2:
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
    head, _, rest = data.partition(b"\n")
    stamp, *sizes = head.decode().split(" ")
    parts = []
    for size in map(int, sizes):
        parts.append(os.fsdecode(rest[:size]))
        rest = rest[size:]
    nice, numbers, status, limits, place, argv, environ = parts
    request = Request(
        stamp,
        tuple(map(int, numbers.split())),
        int(nice),
        status_fields(status),
        limits,
        place,
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
