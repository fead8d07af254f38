"""Whether OVN is enabled, and where its sockets are."""

from pathlib import Path

import pytest

from doitstack_plugins.ovn import places
from tests.unit.plugins.ovn.stacks import make_ovn


@pytest.mark.parametrize(
    ("services", "is_enabled", "has_agent"),
    [
        ("neutron-api", False, False),
        ("ovn-controller", True, False),
        ("q-ovn-agent", True, True),
        ("neutron-ovn-metadata-agent", True, True),
    ],
)
def test_any_of_its_services_enables_it(
    tmp_path: Path, services: str, is_enabled: bool, has_agent: bool
) -> None:
    stack = make_ovn(tmp_path, ENABLED_SERVICES=services)
    assert places.is_enabled(stack) == is_enabled
    assert places.has_agent(stack) == has_agent


def test_databases_have_sockets(tmp_path: Path) -> None:
    assert places.database(make_ovn(tmp_path), "nb") == f"unix:{tmp_path}/.stack/data/ovn/nb.sock"


def test_subnode_reaches_the_databases_of_its_controller(tmp_path: Path) -> None:
    there = make_ovn(tmp_path, ENABLED_SERVICES="ovn-controller", SERVICE_HOST="192.0.2.1")
    assert places.database(there, "sb") == "tcp:192.0.2.1:6642"
    assert places.database(there, "conf") == f"unix:{tmp_path}/.stack/data/ovn/conf.sock"


def test_all_hosts_know_the_secret_of_metadata(tmp_path: Path) -> None:
    one = make_ovn(tmp_path, SERVICE_PASSWORD="known to all")
    other = make_ovn(tmp_path, SERVICE_PASSWORD="known to all", SERVICE_HOST="192.0.2.1")
    assert len(places.metadata_secret(one)) > 8
    assert places.metadata_secret(one) == places.metadata_secret(other)
    given = make_ovn(tmp_path, METADATA_PROXY_SHARED_SECRET="given")
    assert places.metadata_secret(given) == "given"
