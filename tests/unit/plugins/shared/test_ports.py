"""Whether a service can listen on its port, and what is in its way."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from doitstack.errors import ServiceError, SettingsError
from doitstack.stack import Stack
from doitstack_plugins.shared import ports
from tests.unit.recorded_actions import RecordedActions, make_stack


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    made = make_stack(tmp_path)
    with made.acting(RecordedActions(lambda program: None)):
        yield made
    made.services.stop_all()


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_check_port_accepts_a_free_port(stack: Stack) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    ports.check(stack, "web", ("127.0.0.1", free), "WEB_PORT")


def test_check_port_names_the_stack_that_has_it(stack: Stack, tmp_path: Path) -> None:
    other = make_stack(tmp_path / "other", DEST=str(tmp_path / "other/dest"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = str(probe.getsockname()[1])
    with other.acting(RecordedActions(lambda program: None)):
        other.run_process("web", [sys.executable, "-m", "http.server", "-b", "127.0.0.1", free])
        try:
            wait_until_listening(int(free))
            with pytest.raises(ServiceError) as raised:
                ports.check(stack, "web", ("127.0.0.1", int(free)), "WEB_PORT")
        finally:
            other.services.stop_all()
    dest = other.dest
    assert f"of the stack in {dest} (to stop that stack: DEST={dest} doit unstack)" in str(
        raised.value
    )


def wait_until_listening(port: int) -> None:
    while True:
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return


def test_check_port_names_the_program_that_has_it(stack: Stack, port: int) -> None:
    with pytest.raises(ServiceError, match=rf"port {port} is taken by .*{os.getpid()}.*WEB_PORT"):
        ports.check(stack, "web", ("127.0.0.1", port), "WEB_PORT")


def test_check_port_accepts_the_service_itself(stack: Stack) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    stack.run_process("web", [sys.executable, "-m", "http.server", str(free)])
    ports.check(stack, "web", ("127.0.0.1", free), "WEB_PORT")


def test_check_port_refuses_an_address_of_elsewhere(stack: Stack) -> None:
    with pytest.raises(SettingsError, match=r"cannot listen on 192\.0\.2\.1:80: .*SERVICE_HOST"):
        ports.check(stack, "web", ("192.0.2.1", 80), "WEB_PORT")
