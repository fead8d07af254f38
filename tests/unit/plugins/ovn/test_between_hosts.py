"""The link between hosts: where there is one, and what it is made of."""

from pathlib import Path
from typing import Any

import pytest

from doitstack.errors import CommandError, ServiceError
from doitstack.processes.program import Program
from doitstack.stack import Stack
from doitstack_plugins.ovn import between_hosts, namespace
from tests.unit.plugins.ovn.stacks import make_ovn
from tests.unit.recorded_actions import RecordedActions

SUBNODE = {"ENABLED_SERVICES": "ovn-controller", "SERVICE_HOST": "192.0.2.1"}


def connect(stack: Stack, monkeypatch: pytest.MonkeyPatch, *, has_vxlan: bool = True) -> list[str]:
    """Connect; return the commands that ran, the one of the service as the last."""

    def play(program: Program) -> None:
        if "vxlan" in program.argv and not has_vxlan:
            raise CommandError("Operation not supported", 2)

    def serve(name: str, argv: list[Any], **how: Any) -> None:
        served.append(" ".join(map(str, (name, *argv))))

    served: list[str] = []
    actions = RecordedActions(play)
    monkeypatch.setattr(namespace, "generation", lambda stack: "123 net:[4]")
    monkeypatch.setattr(between_hosts, "succeeds", lambda *words: False)
    monkeypatch.setattr(stack, "run_process", serve)
    with stack.acting(actions):
        between_hosts.connect(stack)
    return [*(" ".join(map(str, one.argv)) for one in actions.programs), *served]


def test_host_that_others_cannot_reach_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert connect(make_ovn(tmp_path), monkeypatch) == []


def test_link_is_a_port_of_the_public_bridge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_ovn(tmp_path, **SUBNODE, HOST_IP="192.0.2.2")
    made, up, port, peers = connect(stack, monkeypatch)
    assert made.startswith("ip link add hosts netns 123 type vxlan id ")
    assert "local 192.0.2.2 dstport 4789" in made
    assert up.endswith("ip link set hosts up mtu 1442")
    assert port.endswith("--may-exist add-port br-ex hosts")
    assert "tcp:192.0.2.1:6642 192.0.2.2 hosts" in peers


def test_number_is_the_same_on_all_hosts_of_a_stack(tmp_path: Path) -> None:
    one, two = (make_ovn(tmp_path, **SUBNODE, HOST_IP=f"192.0.2.{n}") for n in (2, 3))
    other = make_ovn(tmp_path, **{**SUBNODE, "SERVICE_HOST": "192.0.2.9"})
    assert between_hosts._number(one) == between_hosts._number(two)
    assert between_hosts._number(one) != between_hosts._number(other)


def test_kernel_without_vxlan_is_no_matter_to_a_single_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = make_ovn(tmp_path, HOST_IP="192.0.2.1", SERVICE_HOST="127.0.0.1")
    assert len(connect(alone, monkeypatch, has_vxlan=False)) == 1
    with pytest.raises(ServiceError, match="no link to other hosts: Operation not supported"):
        connect(make_ovn(tmp_path, **SUBNODE), monkeypatch, has_vxlan=False)
