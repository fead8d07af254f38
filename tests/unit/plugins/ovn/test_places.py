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


def test_the_secret_is_made_once(tmp_path: Path) -> None:
    stack = make_ovn(tmp_path)
    secret = places.metadata_secret(stack)
    assert len(secret) > 8
    assert places.metadata_secret(stack) == secret
