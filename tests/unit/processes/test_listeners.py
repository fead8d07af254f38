"""Who listens on TCP ports."""

import os
import socket

from doitstack.processes.listeners import listeners


def test_listener_is_named_by_its_port_and_pid() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert (server.getsockname()[1], os.getpid()) in list(listeners())


def test_port_that_is_only_bound_has_no_listener() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert bound.getsockname()[1] not in dict(listeners())
