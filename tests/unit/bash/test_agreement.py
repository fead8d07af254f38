"""What bash configures services with is where the in-tree plugins have it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from doitstack.stack import Stack
from doitstack_plugins.backing import mariadb, memcached, rabbitmq
from doitstack_plugins.cinder.plugin import plugin as cinder
from doitstack_plugins.glance.plugin import plugin as glance
from doitstack_plugins.keystone.plugin import plugin as keystone
from doitstack_plugins.neutron.plugin import plugin as neutron
from doitstack_plugins.swift.plugin import plugin as swift
from doitstack_plugins.tempest import install_and_run
from tests.unit.recorded_actions import make_stack

PASSWORDS = {"DATABASE_PASSWORD": "dpw", "RABBIT_PASSWORD": "rpw"}


def _stack(top_dir: Path, services: str, **environ: str) -> Stack:
    stack = make_stack(top_dir, ENABLED_SERVICES=services, **PASSWORDS, **environ)
    for plugin in (memcached, mariadb, rabbitmq):
        plugin.source(stack.settings)
    return stack


def _told(bash, settings: Mapping[str, str], script: str) -> list[str]:
    """Return the output of bash with the settings of a run."""
    bash.env |= {name: value for name, value in settings.items() if name.isidentifier()}
    return bash(script).lines


@pytest.mark.parametrize(
    "environ", [{}, {"DATABASE_PORT": "33", "RABBIT_PORT": "44", "MEMCACHED_PORT": "55"}]
)
def test_services_of_bash_use_the_servers_of_the_stack(bash, environ: dict[str, str]) -> None:
    stack = _stack(bash.path, "mysql,rabbit", **environ)
    script = 'database_connection_url x; get_transport_url v; echo "$MEMCACHE_SERVERS"'
    assert _told(bash, stack.settings, script) == [
        f"{mariadb.url(stack, 'x')}?charset=utf8",
        rabbitmq.url(stack, "v"),
        memcached.server(stack),
    ]


def test_files_of_sqlite_are_the_same(bash) -> None:
    stack = _stack(bash.path, "key")
    script = 'database_connection_url x; echo "${MEMCACHE_SERVERS:-none}"'
    assert _told(bash, stack.settings, script) == [mariadb.url(stack, "x"), "none"]


def test_variables_say_how_the_services_are_configured(bash) -> None:
    stack = _stack(bash.path, "key,mysql,rabbit,neutron,glance,cinder,swift,tempest")
    services = (neutron, glance, cinder, swift)
    for plugin in (keystone, *services):
        plugin.source(stack.settings)
    ml2 = neutron.files(stack)["plugins/ml2/ml2_conf.ini"]["ml2"]
    said = {
        "Q_ML2_PLUGIN_MECHANISM_DRIVERS": ml2["mechanism_drivers"],
        "Q_ML2_PLUGIN_TYPE_DRIVERS": ml2["type_drivers"],
        "Q_ML2_PLUGIN_EXT_DRIVERS": ml2["extension_drivers"],
        "Q_ML2_TENANT_NETWORK_TYPE": ml2["tenant_network_types"],
        "Q_SERVICE_PLUGIN_CLASSES": neutron.conf(stack)["DEFAULT"]["service_plugins"],
        "GLANCE_DEFAULT_BACKEND": glance.conf(stack)["glance_store"]["default_backend"],
        "GLANCE_IMAGE_DIR": glance.conf(stack)["file"]["filesystem_store_datadir"],
        "CACHE_BACKEND": keystone.conf(stack)["cache"]["backend"],
        "SWIFT_DEFAULT_BIND_PORT": stack.settings["SWIFT_SERVICE_PORT"],
        "FIXED_RANGE": stack.settings["FIXED_RANGE"],
        "FLOATING_RANGE": stack.settings["FLOATING_RANGE"],
        "TEMPEST_CONFIG": str(install_and_run._conf(stack)),
        "NEUTRON_ROOTWRAP": str(neutron.environment(stack).program("neutron-rootwrap")),
    }
    script = f'for name in {" ".join(said)}; do echo "${{!name}}"; done'
    for name in ("FIXED_RANGE", "FLOATING_RANGE"):
        del stack.settings._values[name]
    assert dict(zip(said, _told(bash, stack.settings, script), strict=True)) == said
