"""Whether a service can listen on its port, and what is in its way."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from doitstack.errors import ServiceError, SettingsError
from doitstack.services.supervisord import DIRECTORY_VARIABLE
from doitstack.stack import Stack
from doitstack_plugins.shared import ports
from tests.unit.recorded_actions import RecordedActions, make_stack


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    made = make_stack(tmp_path)
    with made.acting(RecordedActions(lambda program: None)):
        yield made


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_check_port_accepts_a_free_port(stack: Stack) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    ports.check(stack, "web", ("127.0.0.1", free), "WEB_PORT")


LISTEN = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    input()
"""


def test_check_port_names_the_stack_that_has_it(stack: Stack, tmp_path: Path) -> None:
    dest = tmp_path / "other"
    env = {DIRECTORY_VARIABLE: str(dest / "supervisor")}
    with subprocess.Popen(
        [sys.executable, "-c", LISTEN], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        with pytest.raises(ServiceError) as raised:
            ports.check(stack, "web", ("127.0.0.1", port), "WEB_PORT")
        process.communicate(b"\n")
    expected = f"of the stack in {dest} (to stop that stack: DEST={dest} doit unstack)"
    assert expected in str(raised.value)


def test_check_port_names_the_program_that_has_it(stack: Stack, port: int) -> None:
    with pytest.raises(ServiceError, match=rf"port {port} is taken by .*{os.getpid()}.*WEB_PORT"):
        ports.check(stack, "web", ("127.0.0.1", port), "WEB_PORT")


@pytest.mark.usefixtures("supervisord")
def test_check_port_accepts_the_service_itself(
    stack: Stack, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each service is checked in each run: a look at all processes of the machine is too much.
    monkeypatch.setattr(ports, "listeners", lambda: pytest.fail("looks at all processes"))
    stack.run_process("web", ["this test"])
    ports.check(stack, "web", ("127.0.0.1", port), "WEB_PORT")


def test_check_port_refuses_an_address_of_elsewhere(stack: Stack) -> None:
    with pytest.raises(SettingsError, match=r"192\.0\.2\.1:80: .*another machine's.*SERVICE_HOST"):
        ports.check(stack, "web", ("192.0.2.1", 80), "WEB_PORT")


def test_check_port_takes_an_address_with_brackets(stack: Stack) -> None:
    with pytest.raises(SettingsError, match=r"cannot listen on \[2001:db8::1\]:80: .*SERVICE_HOST"):
        ports.check(stack, "web", ("[2001:db8::1]", 80), "WEB_PORT")
