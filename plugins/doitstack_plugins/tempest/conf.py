"""The tempest.conf for the enabled services, and their tests. Asks no service."""

from collections.abc import Mapping

from doitstack import Stack
from doitstack.cloud import ADMIN_PASSWORD
from doitstack_plugins.shared import conf_files
from doitstack_plugins.shared.conf_files import Sections
from doitstack_plugins.tempest import guests

TESTS = {
    "key": r"tempest\.api\.identity\.v3",
    "g-api": r"tempest\.api\.image\.v2\.test_images\.BasicOperationsImagesTest",
    "neutron": r"tempest\.api\.network\.test_networks\.NetworksTest\.",
    "n-api": r"tempest\.api\.compute\.servers\.test_create_server\.ServersTestJSON\.",
    "c-api": r"tempest\.api\.volume\.test_volumes_get\..*test_volume_create_get_update_delete\[",
    "s-proxy": r"tempest\.api\.object_storage\.test_(container|object)_services\.",
}
"""Smoke tests, run for each service that is enabled."""

_AVAILABLE = {
    "cinder": "c-api",
    "glance": "g-api",
    "horizon": "horizon",
    "neutron": "neutron",
    "nova": "n-api",
    "swift": "s-proxy",
}
"""Tempest's names of services."""


OF_RESOURCES = frozenset(
    {
        ("network", "public_network_id"),
        ("network-feature-enabled", "api_extensions"),
        *(
            ("compute", name)
            for name in ("image_ref", "image_ref_alt", "flavor_ref", "flavor_ref_alt")
        ),
    }
)
"""The options, each with its section, that are only there if the cloud has these resources."""


def default_tests(stack: Stack) -> str:
    """Return the regular expression that selects the tests for what is enabled."""
    if guests.has_logins(stack):
        return guests.TESTS
    return "|".join(tests for name, tests in TESTS.items() if stack.is_service_enabled(name))


def sections(stack: Stack, state: str, found: Mapping[str, str]) -> Sections:
    """Return the configuration; `state` is for its files, `found` has ids from the services."""
    return conf_files.merged(_without_guests(stack, state, found), guests.sections(stack))


def _without_guests(stack: Stack, state: str, found: Mapping[str, str]) -> Sections:
    """Return the configuration for servers that do not run."""
    is_enabled = stack.is_service_enabled
    has_network = is_enabled("neutron")
    return {
        "DEFAULT": {"log_file": f"{state}/tempest.log"},
        "auth": {**_auth(stack), "create_isolated_networks": _bool(has_network)},
        "identity": {
            "uri_v3": stack.settings["KEYSTONE_SERVICE_URI_V3"],
            "auth_version": "v3",
            "region": stack.settings["REGION_NAME"],
            "v3_endpoint_type": "public",
        },
        "oslo_concurrency": {"lock_path": f"{state}/locks"},
        "service_available": {
            name: _bool(is_enabled(service)) for name, service in _AVAILABLE.items()
        },
        # Nothing answers at the addresses of such servers.
        "validation": {"run_validation": "false"},
        **({"dashboard": {"dashboard_url": _dashboard(stack)}} if is_enabled("horizon") else {}),
        **_of_services(found),
    }


def _dashboard(stack: Stack) -> str:
    return f"{stack.settings['HORIZON_SERVICE_URI']}/"


def _auth(stack: Stack) -> dict[str, str]:
    return {
        "use_dynamic_credentials": "true",
        "admin_username": "admin",
        "admin_password": stack.password(ADMIN_PASSWORD),
        "admin_project_name": "admin",
        "admin_domain_name": "Default",
        "tempest_roles": "member",
    }


def _of_services(found: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
    """Return a section for each service; tempest ignores those of missing services."""
    return {
        "image": {"endpoint_type": "publicURL"},
        "network": {"endpoint_type": "publicURL", **_of_resources(found, "network")},
        "network-feature-enabled": _of_resources(found, "network-feature-enabled"),
        "compute": {"endpoint_type": "publicURL", **_of_resources(found, "compute")},
        "compute-feature-enabled": {"vnc_console": "false", "config_drive": "false"},
        "volume": {"endpoint_type": "publicURL", "catalog_type": "block-storage"},
        "volume-feature-enabled": {"backup": "false"},
        "object-storage": {"operator_role": "member", "reseller_admin_role": "ResellerAdmin"},
    }


def _of_resources(found: Mapping[str, str], section: str) -> dict[str, str]:
    return {name: text for name, text in found.items() if (section, name) in OF_RESOURCES}


def _bool(value: bool) -> str:  # noqa: FBT001 - it has no other argument
    return str(value).lower()
