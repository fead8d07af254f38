"""Read the request of a client; whether it can be served is decided elsewhere."""

import array
import os
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from ..protocol import MOST_DESCRIPTORS, REQUEST, decode
from .limits import limits

_LONGEST = 1 << 26
"""Bytes of a request; the kernel gives a process arguments and variables of at most 6 MiB."""


class BadRequestError(Exception):
    """The received data is not a request."""


@dataclass(frozen=True)
class Request:
    """One call: everything that a process inherits, as its caller has it.

    numbers: of the descriptors that the program inherits.
    status: as in /proc/self; from there are umask, processors, and ignored and blocked signals.
    limits: soft and hard, by their numbers in `resource`.
    argv: the path of the program and its arguments.
    namespaces: targets of the links `protocol.NAMESPACES`.
    descriptors: ours; the first is the working directory, the others belong at `numbers`.
    """

    stamp: str
    numbers: tuple[int, ...]
    nice: int
    status: dict[str, str]
    umask: int
    processors: frozenset[int]
    ignored: frozenset[int]
    blocked: frozenset[int]
    limits: Mapping[int, tuple[int, int]]
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
        return parse(_content(received[0]), tuple(received[1:]))
    except (BadRequestError, OSError) as error:
        for descriptor in received[1:]:
            os.close(descriptor)
        raise BadRequestError(str(error)) from error
    finally:
        for descriptor in received[:1]:
            os.close(descriptor)


def _content(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    if size > _LONGEST:
        raise BadRequestError("it is too long")
    return os.pread(descriptor, size, 0)


def parse(data: bytes, descriptors: tuple[int, ...]) -> Request:
    """Return the request in `data`, with all that a fork needs. Raises BadRequestError."""
    try:
        request = _request(data, descriptors)
    except (ValueError, LookupError) as error:
        raise BadRequestError(f"it cannot be read: {type(error).__name__}") from error
    if len(set(request.numbers)) != len(descriptors) - 1 or min(request.numbers, default=0) < 0:
        raise BadRequestError("descriptors are missing")
    if not request.argv:
        raise BadRequestError("it names no program")
    return request


def _request(data: bytes, descriptors: tuple[int, ...]) -> Request:
    stamp, parts = decode(data)
    nice, numbers, status_text, limits_text, namespaces, argv, environ = map(os.fsdecode, parts)
    status = status_fields(status_text)
    return Request(
        stamp,
        tuple(map(int, numbers.split())),
        int(nice),
        status,
        int(status["Umask"], 8) & 0o777,
        _bits(status["Cpus_allowed"], first=0),
        _bits(status["SigIgn"], first=1) & signal.valid_signals(),
        _bits(status["SigBlk"], first=1) & signal.valid_signals(),
        limits(limits_text),
        namespaces,
        tuple(argv.split("\0")[:-1]),
        environment(environ),
        descriptors,
    )


def _bits(mask: str, *, first: int) -> frozenset[int]:
    digits = reversed(f"{int(mask.replace(',', ''), 16):b}")
    return frozenset(number for number, digit in enumerate(digits, start=first) if digit == "1")


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
