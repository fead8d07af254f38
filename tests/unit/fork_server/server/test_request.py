"""Requests are read whole or refused, and no descriptor stays open."""

import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fork_server.protocol import REQUEST, encode
from fork_server.server.request import BadRequestError, environment, receive, status_fields

STATUS = b"Umask:\t0022\nSigBlk:\t00\nSigIgn:\tffffffffffffffff5\nCpus_allowed:\t1,00000005\n"
LIMITS = b"Max core file size        0                    unlimited            bytes     \n"
PARTS = [b"3", b"0 1 2", STATUS, LIMITS, b"links", b"a\0\0\xff\0", b"A=1\0B=\n\0"]


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def send(connection: socket.socket, data: bytes, count: int, word: bytes = REQUEST) -> None:
    """Send a request with `count` descriptors in addition to that of the request itself."""
    memory = os.memfd_create("request")
    os.write(memory, data)
    null = os.open(os.devnull, os.O_RDWR)
    socket.send_fds(connection, [word], [memory, *[null] * count])
    os.close(memory)
    os.close(null)


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_request_is_read_as_it_was_sent(ends: tuple[socket.socket, socket.socket]) -> None:
    send(ends[0], encode("stamp", PARTS), 4)
    request = receive(ends[1])
    assert (request.stamp, request.nice, request.numbers) == ("stamp", 3, (0, 1, 2))
    assert (request.umask, request.processors) == (0o022, {0, 2, 32})
    assert (request.blocked, request.ignored & {1, 2, 3, 4, 65}) == (set(), {1, 3})
    assert (request.limits, request.namespaces) == ({resource.RLIMIT_CORE: (0, -1)}, "links")
    assert request.argv == ("a", "", "\udcff")
    assert request.environ == {"A": "1", "B": "\n"}
    assert len(request.descriptors) == 4
    assert not any(os.get_inheritable(number) for number in request.descriptors)
    before = open_descriptors()
    request.close()
    assert open_descriptors() == before - 4


@pytest.mark.parametrize(
    ("data", "count", "word"),
    [
        (encode("stamp", PARTS), 3, REQUEST),
        (encode("stamp", PARTS), 0, REQUEST),
        (encode("stamp", PARTS), 4, b"x"),
        (encode("stamp", PARTS[:-1]), 4, REQUEST),
        (encode("stamp", [*PARTS[:5], b"", PARTS[6]]), 4, REQUEST),
        (encode("stamp", [b"nice", *PARTS[1:]]), 4, REQUEST),
        (b"", 4, REQUEST),
        (b"stamp x\n", 4, REQUEST),
        (encode("stamp", [b"3", b"0 1 1", *PARTS[2:]]), 4, REQUEST),
        (encode("stamp", [b"3", b"0 1 -2", *PARTS[2:]]), 4, REQUEST),
        (encode("stamp", [*PARTS[:2], b"Umask:\t0022\n", *PARTS[3:]]), 4, REQUEST),
        (encode("stamp", [*PARTS[:3], LIMITS.replace(b"unlimited", b""), *PARTS[4:]]), 4, REQUEST),
    ],
)
def test_anything_else_is_refused(
    ends: tuple[socket.socket, socket.socket], data: bytes, count: int, word: bytes
) -> None:
    before = open_descriptors()
    send(ends[0], data, count, word)
    with pytest.raises(BadRequestError) as caught:
        receive(ends[1])
    assert str(caught.value)
    assert open_descriptors() == before


def test_a_request_of_any_length_does_not_fill_the_memory(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    memory = os.memfd_create("request")
    os.truncate(memory, 1 << 50)
    socket.send_fds(ends[0], [REQUEST], [memory, memory])
    os.close(memory)
    with pytest.raises(BadRequestError, match="too long"):
        receive(ends[1])


def test_a_client_that_leaves_is_no_mistake(ends: tuple[socket.socket, socket.socket]) -> None:
    ends[0].close()
    with pytest.raises(BadRequestError) as caught:
        receive(ends[1])
    assert str(caught.value) == ""


def test_of_a_variable_given_twice_the_first_counts() -> None:
    assert environment("A=1\0A=2\0=x\0none\0") == {"A": "1"}


def test_status_is_read_by_names() -> None:
    fields = status_fields(Path("/proc/self/status").read_text())
    assert fields["Pid"] == str(os.getpid())
