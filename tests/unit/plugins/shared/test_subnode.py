"""Subnodes: which hosts are, and how they wait for their controller."""

import socket
from pathlib import Path

import pytest

from doitstack.errors import ServiceError, SettingsError
from doitstack_plugins.shared import subnode
from tests.unit.recorded_actions import RecordedActions, make_stack

ELSEWHERE = "192.0.2.1"
"""An address that no machine has."""


def test_subnode_has_its_services_elsewhere(tmp_path: Path) -> None:
    assert not subnode.is_subnode(make_stack(tmp_path).settings)
    assert subnode.is_subnode(make_stack(tmp_path, SERVICE_HOST=ELSEWHERE).settings)
    assert subnode.is_subnode(make_stack(tmp_path, THIS_HOST="compute1").settings)


@pytest.mark.parametrize(
    ("address", "is_reachable"),
    [("127.0.0.1", False), ("127.3.2.1", False), ("localhost", False), (ELSEWHERE, True)],
)
def test_loopback_is_not_reachable(tmp_path: Path, address: str, is_reachable: bool) -> None:
    assert subnode.is_reachable(make_stack(tmp_path, HOST_IP=address).settings) == is_reachable


def test_futures_are_those_of_the_controller_of_this_run(tmp_path: Path) -> None:
    alone = make_stack(tmp_path, SERVICE_HOST=ELSEWHERE)
    together = make_stack(tmp_path, THIS_HOST="compute1")
    assert list(subnode.waits(alone, "start_nova")) == []
    [wait] = subnode.waits(together, "start_nova")
    assert wait.waits == ("start_nova@controller",)


def test_services_of_a_controller_are_refused(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, SERVICE_HOST=ELSEWHERE, ENABLED_SERVICES="n-cpu,n-api,n-sch")
    with pytest.raises(SettingsError, match=f"^n-api, n-sch: SERVICE_HOST={ELSEWHERE} is another"):
        subnode.check_services(stack, ("n-api", "n-cpu", "n-sch"))
    subnode.check_services(stack, ("n-cpu",))


def test_wait_says_once_what_it_waits_for(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, SERVICE_TIMEOUT="60")
    answers = iter([False, False, True])
    stage = RecordedActions(lambda program: None)
    with stack.acting(stage):
        subnode.wait_for(stack, {"there": lambda: True, "late": lambda: next(answers)})
    assert stage.said == ["waiting up to 60 s for late"]


def test_what_does_not_answer_in_time_is_named(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, SERVICE_TIMEOUT="0")
    stage = RecordedActions(lambda program: None)
    with stack.acting(stage), pytest.raises(ServiceError, match=r"^never: .*SERVICE_TIMEOUT"):
        subnode.wait_for(stack, {"there": lambda: True, "never": lambda: False})


def test_listener_is_found(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address, port = server.getsockname()
        [(name, is_there)] = subnode.listener("rabbit", address, port).items()
        assert name == f"rabbit at 127.0.0.1:{port}"
        assert is_there()
    assert not is_there()


def test_api_that_nobody_serves_does_not_answer(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, KEYSTONE_SERVICE_URI="http://127.0.0.1:1")
    [(name, is_answering)] = subnode.apis(stack, "KEYSTONE").items()
    assert name == "keystone at http://127.0.0.1:1"
    assert not is_answering()


def test_controller_must_have_an_address_for_others(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, THIS_HOST="compute1", SERVICE_HOST="127.0.0.1")
    with pytest.raises(SettingsError, match=r"^SERVICE_HOST=127.0.0.1 .* set HOST_IP of the cont"):
        subnode.check_services(stack, ())
