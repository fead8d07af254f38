"""How the public network is reached."""

from pathlib import Path

import pytest

from doitstack.errors import SettingsError
from doitstack_plugins.ovn import outside
from tests.unit.plugins.ovn.stacks import give_programs, make_ovn
from tests.unit.recorded_actions import RecordedActions


def test_the_interface_has_a_name_of_the_stack(tmp_path: Path) -> None:
    names = {outside.host_interface(make_ovn(tmp_path / name)) for name in ("a", "b")}
    assert len(names) == 2
    assert all(len(name) < 16 for name in names)


def connected(stack_dir: Path, **environ: str) -> list[str]:
    """Return the commands that connect the outside, without the directory of the scripts."""
    stack, actions = make_ovn(stack_dir, **environ), RecordedActions(lambda program: None)
    (stack.data_dir / "ovn").mkdir(parents=True)
    (stack.data_dir / "ovn" / "holder").write_text("123 net:[4]\n")
    with stack.acting(actions):
        outside.connect(stack)
    root = f"{stack.data_dir / 'ovn'}/"
    return [" ".join(map(str, one.argv)).replace(root, "") for one in actions.programs]


def test_the_bridge_has_the_gateway(tmp_path: Path) -> None:
    assert connected(tmp_path, FLOATING_RANGE="172.24.9.0/25") == [
        "ovs-vsctl --db=unix:conf.sock --timeout=60 --if-exists del-port br-ex outside",
        "enter ip address replace 172.24.9.1/25 dev br-ex",
        "enter ip link set br-ex up",
    ]


def test_the_host_has_the_gateway_if_that_is_wanted(tmp_path: Path) -> None:
    name = outside.host_interface(make_ovn(tmp_path))
    gateway = {"PUBLIC_NETWORK_GATEWAY": "172.24.4.9", "PUBLIC_BRIDGE": "br-out"}
    assert connected(tmp_path, PUBLIC_NETWORK_ON_HOST="True", **gateway) == [
        "enter ip address flush dev br-out",
        f"ip link add {name} type veth peer name outside netns 123",
        "enter ip link set outside up",
        "ovs-vsctl --db=unix:conf.sock --timeout=60 --may-exist add-port br-out outside",
        f"ip address replace 172.24.4.9/24 dev {name}",
        f"ip link set {name} up",
    ]


def test_a_range_that_the_host_reaches_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_ovn(tmp_path)
    own = f"172.24.4.0/24 dev {outside.host_interface(stack)} proto kernel"
    give_programs(monkeypatch, tmp_path / "bin", ip=f"echo default via 10.0.0.1; echo '{own}'")
    outside.check_range(stack)
    give_programs(monkeypatch, tmp_path / "bin", ip="echo 172.24.0.0/16 dev docker0 scope link")
    with pytest.raises(SettingsError, match=r"FLOATING_RANGE=172.24.4.0/24 .* by docker0;"):
        outside.check_range(stack)
    give_programs(monkeypatch, tmp_path / "bin", ip="exit 1")
    outside.check_range(stack)
