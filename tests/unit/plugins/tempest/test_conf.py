"""The tempest.conf and the smoke tests of what is enabled."""

from pathlib import Path

import pytest

from doitstack_plugins.tempest import conf
from tests.unit.recorded_actions import make_stack


@pytest.mark.parametrize(
    ("services", "parts"),
    [
        ("key", ["key"]),
        ("key,g-api,horizon", ["key", "g-api"]),
        ("key,s-proxy,n-api", ["key", "n-api", "s-proxy"]),
    ],
)
def test_smoke_tests_are_those_of_enabled_services(
    tmp_path: Path, services: str, parts: list[str]
) -> None:
    stack = make_stack(tmp_path, ENABLED_SERVICES=services)
    assert conf.default_tests(stack).split("|tempest")[0] == conf.TESTS[parts[0]]
    assert conf.default_tests(stack) == "|".join(conf.TESTS[name] for name in parts)


def test_available_services_are_the_enabled_ones(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, ENABLED_SERVICES="key,g-api,c-api")
    sections = conf.sections(stack, "/state", {})
    assert sections["service_available"] == {
        "cinder": "true",
        "glance": "true",
        "horizon": "false",
        "neutron": "false",
        "nova": "false",
        "swift": "false",
    }


@pytest.mark.parametrize(("services", "isolated"), [("key", "false"), ("key,neutron", "true")])
def test_accounts_get_networks_if_there_are_any(
    tmp_path: Path, services: str, isolated: str
) -> None:
    stack = make_stack(tmp_path, ENABLED_SERVICES=services)
    auth = conf.sections(stack, "/state", {})["auth"]
    assert auth["create_isolated_networks"] == isolated
    assert auth["admin_password"] == "p$ 'w"


def test_ids_go_to_the_sections_that_use_them(tmp_path: Path) -> None:
    found = {"image_ref": "i", "flavor_ref": "f", "public_network_id": "n"}
    sections = conf.sections(make_stack(tmp_path), "/state", found)
    assert sections["compute"] == {
        "endpoint_type": "publicURL",
        "image_ref": "i",
        "flavor_ref": "f",
    }
    assert sections["network"]["public_network_id"] == "n"
    assert "public_network_id" not in conf.sections(make_stack(tmp_path), "/state", {})["network"]
    assert sections["oslo_concurrency"] == {"lock_path": "/state/locks"}


def test_extensions_are_those_of_neutron_and_the_dashboard_is_where_horizon_is(
    tmp_path: Path,
) -> None:
    uri = "http://127.0.0.1:8088"
    stack = make_stack(tmp_path, ENABLED_SERVICES="key,neutron,horizon", HORIZON_SERVICE_URI=uri)
    sections = conf.sections(stack, "/state", {"api_extensions": "provider,router"})
    assert sections["network-feature-enabled"] == {"api_extensions": "provider,router"}
    assert sections["dashboard"] == {"dashboard_url": f"{uri}/"}
    assert "dashboard" not in conf.sections(make_stack(tmp_path), "/state", {})
