"""Neutron: its API, and its part of OVN if that is enabled.

Without OVN, a mechanism driver of our own binds ports and wires none: networks, ports and routers
are created and carry nothing.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from doitstack import Settings, Stack, Step, async_run, hookimpl, run, warm
from doitstack.config.settings import SettingCheck
from doitstack.private_files import private_directory, write_private
from doitstack.uptodate import Unchanged, digest
from doitstack_plugins.backing import mariadb, rabbitmq
from doitstack_plugins.keystone import service_accounts
from doitstack_plugins.neutron import ml2
from doitstack_plugins.neutron.first_networks import create_initial_networks, set_network_defaults
from doitstack_plugins.ovn import between_hosts
from doitstack_plugins.ovn import places as ovn
from doitstack_plugins.shared import conf_files, warm_managers
from doitstack_plugins.shared.api_service import ApiService
from doitstack_plugins.shared.conf_files import Sections
from doitstack_plugins.shared.service import named
from doitstack_plugins.shared.uwsgi import WsgiService

_ML2 = "plugins/ml2/ml2_conf.ini"
"""DevStack's $Q_PLUGIN_CONF_FILE, below the directory of configuration."""

_CONFIGURED = "service_plugins"
"""The file, in the directory of the state, of the service plugins that neutron.conf began with."""

_DRIVER = {"PYTHONPATH": str(Path(__file__).with_name("ml2_driver"))}
"""Where Python finds our driver."""

_API = (
    *("neutron.server.api", "neutron.plugins.ml2.plugin", "neutron.services.segments.plugin"),
    *("neutron.services.l3_router.l3_router_plugin", "oslo_messaging._drivers.impl_rabbit"),
)
"""The modules that the API imports first; its plugins are named in its configuration."""


class Neutron(ApiService):
    """Neutron."""

    name = "neutron"
    services = ("neutron", "neutron-api", "q-svc")
    known_services = (ovn.MAINTENANCE,)
    configuration_files = ("neutron.conf", _ML2, "plugins/ml2/ovn_agent.ini")
    requirements = ("neutron",)
    # The migrations of its database fail on SQLite.
    needs = ("key", "mysql", "rabbit")
    process = "neutron-api"
    port = "9696"
    wsgi = "neutron.wsgi.api:application"
    catalog_type = "network"
    manage = "neutron-db-manage"
    manage_modules = ("neutron.db.migration.cli", "neutron.db.migration.models.head")
    parent_name = "neutron-rpc-server"
    keeps_schema = True
    migration = ("upgrade", "heads")
    daemons: ClassVar = {ovn.MAINTENANCE: ovn.MAINTENANCE}
    # The agent, which is a process of OVN's, has files of its own.
    has_daemons_on_subnodes = False

    @hookimpl
    def source(self, settings: Settings) -> None:
        """Set the defaults of DevStack's lib/neutron."""
        # DevStack's older name of the port.
        settings.default("NEUTRON_SERVICE_PORT", settings.get("Q_PORT", self.port))
        super().source(settings)
        ml2.set_ml2_defaults(settings)
        set_network_defaults(settings)

    def post_config_on_controller(self, stack: Stack) -> Iterator[Step]:
        """Configure neutron, and nova for it, and make its accounts."""
        yield from super().post_config_on_controller(stack)
        # Since it was configured for its migrations, scripts may have added service plugins.
        yield run(named("configure_neutron", self.configure))
        if stack.is_service_enabled("nova"):
            yield async_run("configure_neutron_nova", configure_neutron_nova)

    def extra_on_controller(self, stack: Stack) -> Iterator[Step]:
        """Start neutron, and make the first networks."""
        yield run(named("configure_neutron_after_post_config", self.add_service_plugins))
        yield from super().extra_on_controller(stack)
        if has_initial_networks(stack):
            yield async_run(
                "create_neutron_initial_network",
                create_initial_networks,
                wait=["start_neutron"],
                uptodate=[Unchanged(partial(self.configuration, stack))],
            )

    def test_config_on_controller(self, stack: Stack) -> Iterator[Step]:
        """Nothing: `all_services` has waited for it."""
        yield from ()

    @property
    def checked_settings(self) -> Mapping[str, SettingCheck]:
        """How its settings are checked, by their names."""
        return {
            **super().checked_settings,
            "FIXED_RANGE": Settings.network,
            "FLOATING_RANGE": Settings.network,
            "NEUTRON_CREATE_INITIAL_NETWORKS": Settings.is_true,
        }

    def configure(self, stack: Stack) -> None:
        """Write neutron.conf and ml2_conf.ini (0600), and make the directory of the state."""
        super().configure(stack)
        # As in DevStack, plugins copy their filters there.
        private_directory(self.conf_dir(stack) / "rootwrap.d")
        private_directory(self.state(stack) / "tmp")
        write_private(self.state(stack) / _CONFIGURED, ml2.service_plugins(stack))

    def add_service_plugins(self, stack: Stack) -> None:
        """Add to neutron.conf the service plugins that scripts have named since, as DevStack does.

        What they or local.conf have put there stays.
        """
        before = conf_files.read(self.state(stack) / _CONFIGURED).split(",")
        added = [word for word in ml2.service_plugins(stack).split(",") if word not in before]
        if added:
            path = self.conf_dir(stack) / "neutron.conf"
            line, words = r"(?m)^(service_plugins\s*=.*)$", "".join(f",{word}" for word in added)
            write_private(path, re.sub(line, rf"\g<1>{words}", conf_files.read(path), count=1))

    def files(self, stack: Stack) -> Mapping[str, Sections]:
        """Return neutron.conf and ml2_conf.ini."""
        return {**super().files(stack), _ML2: ml2.sections(stack)}

    def conf(self, stack: Stack) -> Sections:
        """Return neutron.conf."""
        account = partial(service_accounts.credentials, stack)
        return {
            "DEFAULT": {
                "core_plugin": "ml2",
                "service_plugins": ml2.service_plugins(stack),
                "transport_url": rabbitmq.url(stack),
                "api_paste_config": f"{self.environment(stack).path}/etc/neutron/api-paste.ini",
                "state_path": str(self.state(stack)),
                "dhcp_agent_notification": "false",
                "graceful_shutdown_timeout": "3",
                **_mtu(stack),
            },
            "database": {"connection": mariadb.url(stack, "neutron")},
            "keystone_authtoken": service_accounts.authtoken_options(stack, "neutron"),
            "nova": account("nova"),
            "placement": account("placement"),
            "oslo_concurrency": {"lock_path": f"{self.state(stack)}/locks"},
        }

    def configuration(self, stack: Stack) -> str:
        """Return what a running neutron, and the networks in it, must be made from."""
        texts = (conf_files.read(path) for path in _files_of_scripts(stack))
        return digest(super().configuration(stack), self.accounts(stack), *texts)

    def wsgi_service(self, stack: Stack) -> WsgiService:
        """Return how the API is served: by a fork, so that it is imported while others start."""
        return replace(super().wsgi_service(stack), forked_from=self.parent(stack))

    def parent(self, stack: Stack) -> warm.Program | None:
        """Return the program that imports what the API does, if there is one."""
        if not self.serves_api(stack):
            return None
        made = self.environment(stack)
        return warm_managers.manager(stack, made, self.parent_name, *_API, **_DRIVER)

    def wsgi_environ(self, stack: Stack) -> dict[str, str]:
        """Return the environment variables of the API, with the place of our driver."""
        return {
            **super().wsgi_environ(stack),
            **_DRIVER,
            # It leaves files there.
            "TMPDIR": str(self.state(stack) / "tmp"),
            "OS_NEUTRON_CONFIG_FILES": ";".join(
                (*self.files(stack), *map(str, _files_of_scripts(stack)))
            ),
        }

    def state(self, stack: Stack) -> Path:
        """Return the directory of neutron's own files."""
        return self.data(stack) / "state"


def configure_neutron_nova(stack: Stack) -> None:
    """Write the address of neutron to a file that nova reads in addition to its own."""
    account = service_accounts.credentials(stack, "neutron")
    if ovn.has_agent(stack):
        secret = ovn.metadata_secret(stack)
        proxy = {"service_metadata_proxy": "true", "metadata_proxy_shared_secret": secret}
        account = {**account, **proxy}
    directory = stack.settings.path("NOVA_CONF_DIR") / conf_files.ADDITIONS
    conf_files.write(directory / "neutron.conf", {"neutron": account})


def _mtu(stack: Stack) -> dict[str, str]:
    """Return the size of packets that the link between hosts takes, if there may be others."""
    if not ovn.is_enabled(stack) or not between_hosts.is_wanted(stack.settings):
        return {}
    return {"global_physnet_mtu": between_hosts.MTU}


def _files_of_scripts(stack: Stack) -> list[Path]:
    """Return the files that scripts have added with `neutron_server_config_add`."""
    return [Path(word) for word in stack.settings.get("NEUTRON_SERVER_CONFIG_FILES").split()]


def has_initial_networks(stack: Stack) -> bool:
    """Return whether the networks of DevStack are wanted."""
    return stack.settings.is_true("NEUTRON_CREATE_INITIAL_NETWORKS", default=True)


plugin = Neutron()
