"""Who listens on TCP ports."""

import os
import socket

import pytest

from doitstack.processes.listeners import is_listening, listeners, listening_user


def test_listener_is_named_by_its_port_and_pid() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert (server.getsockname()[1], os.getpid()) in list(listeners())


def test_port_that_is_only_bound_has_no_listener() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert bound.getsockname()[1] not in dict(listeners())


def test_processes_are_asked_whether_they_listen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert is_listening([os.getppid(), os.getpid()], port)
        assert not is_listening([os.getppid(), 2**22 + 1], port)
        with socket.create_connection(("127.0.0.1", port)) as client:
            assert not is_listening([os.getpid()], client.getsockname()[1])
    assert not is_listening([os.getpid()], port)


@pytest.mark.parametrize(
    ("listens_at", "asked"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "localhost"),
        ("0.0.0.0", "127.0.0.3"),
        ("::", "127.0.0.1"),
        ("::", "::1"),
        ("::1", "::1"),
    ],
)
def test_listening_user_is_who_would_be_connected_to(listens_at: str, asked: str) -> None:
    family = socket.AF_INET6 if ":" in listens_at else socket.AF_INET
    with socket.create_server(
        (listens_at, 0), family=family, dualstack_ipv6=listens_at == "::"
    ) as server:
        port = server.getsockname()[1]
        assert listening_user(asked, port) == os.geteuid()
        with socket.create_connection((asked, port)):
            pass


def test_nobody_listens_at_another_address_or_after_the_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listening_user("127.0.0.2", port) is None
    assert listening_user("127.0.0.1", port) is None
    assert listening_user("no.such.host.invalid", port) is None
