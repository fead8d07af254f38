"""The first networks: DevStack's, found or created."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from doitstack.stack import Stack
from doitstack_plugins.neutron import first_networks
from doitstack_plugins.neutron.first_networks import create_initial_networks, set_network_defaults
from tests.unit.recorded_actions import RecordedActions, make_stack


class FakeNetwork:
    """A fake Neutron: objects with the attributes with which they were created."""

    def __init__(self) -> None:
        self.things: dict[str, list[SimpleNamespace]] = {}

    def __getattr__(self, name: str) -> Any:
        verb, _, kind = name.partition("_")
        if verb == "create":
            return lambda **given: self._create(f"{kind}s", given)
        return lambda **key: self._find(name, key)

    def _create(self, kind: str, given: dict[str, Any]) -> SimpleNamespace:
        things = self.things.setdefault(kind, [])
        things.append(SimpleNamespace(id=f"{kind}-{len(things)}", **given))
        return things[-1]

    def _find(self, kind: str, key: dict[str, Any]) -> Iterator[SimpleNamespace]:
        return (one for one in self.things.get(kind, []) if key.items() <= vars(one).items())

    def add_interface_to_router(self, router: Any, subnet_id: str) -> None:
        (subnet,) = (one for one in self.things["subnets"] if one.id == subnet_id)
        self._create("ports", {"device_id": router.id, "network_id": subnet.network_id})


def created(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> FakeNetwork:
    """Return what two calls create in an empty cloud."""
    network = FakeNetwork()
    demo = SimpleNamespace(projects=lambda **_: iter([SimpleNamespace(id="demo")]))
    connection = SimpleNamespace(identity=demo, network=network)
    monkeypatch.setattr(first_networks, "cloud", lambda stack: nullcontext(connection))
    with stack.acting(RecordedActions(lambda program: None)):
        for _ in range(2):
            create_initial_networks(stack)
    return network


def test_networks_are_created_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = make_stack(tmp_path)
    set_network_defaults(stack.settings)
    network = created(stack, monkeypatch)
    assert {kind: len(things) for kind, things in network.things.items()} == {
        "networks": 2,
        "subnets": 2,
        "routers": 1,
        "ports": 1,
    }
    (router,) = network.things["routers"]
    public, private = network.things["networks"]
    assert router.external_gateway_info == {"network_id": public.id}
    assert (public.name, private.name, private.project_id) == ("public", "private", "demo")
    assert network.things["ports"][0].network_id == private.id


def test_networks_have_devstacks_names(tmp_path: Path) -> None:
    settings = make_stack(tmp_path, FIXED_RANGE="10.1.0.0/24").settings
    set_network_defaults(settings)
    assert settings["FIXED_RANGE"] == "10.1.0.0/24"
    assert settings["PRIVATE_NETWORK_NAME"] == "private"
    assert settings["Q_ROUTER_NAME"] == "router1"


def test_subnets_have_the_addresses_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_stack(
        tmp_path,
        IPV4_ADDRS_SAFE_TO_USE="10.8.0.0/24",
        NETWORK_GATEWAY="10.8.0.254",
        FLOATING_RANGE="172.24.8.0/24",
        Q_FLOATING_ALLOCATION_POOL="start=172.24.8.10,end=172.24.8.20",
    )
    set_network_defaults(stack.settings)
    public, private = (one for one in created(stack, monkeypatch).things["subnets"])
    assert (private.cidr, private.gateway_ip) == ("10.8.0.0/24", "10.8.0.254")
    assert (public.cidr, public.gateway_ip) == ("172.24.8.0/24", "172.24.8.1")
    assert public.allocation_pools == [{"start": "172.24.8.10", "end": "172.24.8.20"}]


def test_the_public_gateway_can_be_set(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, PUBLIC_NETWORK_GATEWAY="172.24.4.9")
    set_network_defaults(stack.settings)
    assert first_networks.public_gateway(stack.settings) == "172.24.4.9"
