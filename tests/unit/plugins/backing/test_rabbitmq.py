"""The message broker, with its programs only recorded."""

import shutil
from pathlib import Path

import pytest

from doitstack.errors import SettingsError
from doitstack.stack import Stack
from doitstack_plugins.backing import rabbitmq
from tests.ports import free_port
from tests.unit.recorded_actions import RecordedActions, make_stack


def make(tmp_path: Path, **environ: str) -> Stack:
    stack = make_stack(tmp_path, ENABLED_SERVICES="rabbit", **environ)
    rabbitmq.source(stack.settings)
    return stack


def test_broker_has_ports_of_its_own(tmp_path: Path) -> None:
    settings = make(tmp_path, RABBIT_PORT="60000").settings
    ports = [settings.port(f"RABBIT_{name}") for name in ("PORT", "DIST_PORT", "EPMD_PORT")]
    assert len(set(ports)) == 3
    assert all(1024 <= port < 65536 for port in ports)


def test_a_vhost_is_made_once_for_the_data_of_the_broker(tmp_path: Path) -> None:
    stack, stage = make(tmp_path), RecordedActions(lambda program: None)
    with stack.acting(stage):
        for _ in range(2):
            rabbitmq.add_vhost(stack, "cell")
    words = [list(map(str, program.argv[2:])) for program in stage.programs]
    assert words == [
        ["add_vhost", "cell"],
        ["set_permissions", "--vhost", "cell", "stackrabbit", ".*", ".*", ".*"],
    ]
    shutil.rmtree(tmp_path / ".stack/data/rabbit/mnesia")
    with stack.acting(stage):
        rabbitmq.add_vhost(stack, "cell")
    assert len(stage.programs) == 4


def test_broker_refuses_a_password_that_its_file_cannot_hold(tmp_path: Path) -> None:
    stack = make(tmp_path, RABBIT_PASSWORD="a b", RABBIT_PORT=str(free_port()))
    with pytest.raises(SettingsError, match=r"^RABBIT_PASSWORD takes letters"):
        rabbitmq.check_rabbit(stack)


def test_broker_url_quotes(tmp_path: Path) -> None:
    stack = make(tmp_path, RABBIT_PASSWORD="a/b", RABBIT_PORT="1234")
    assert rabbitmq.url(stack).startswith("rabbit://stackrabbit:a%2Fb@127.0.0.1:1234/")


def test_broker_url_has_brackets(tmp_path: Path) -> None:
    stack = make(tmp_path, SERVICE_HOST="[::1]", RABBIT_PASSWORD="a", RABBIT_PORT="1234")
    assert rabbitmq.url(stack) == "rabbit://stackrabbit:a@[::1]:1234/"
