"""Cinder: its API, scheduler, volume and backup service.

Where volumes are is the matter of `backends`: by default in LVM or in files if servers are guests,
else nowhere.
"""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from doitstack import Settings, Stack, Step, async_run, hookimpl, warm
from doitstack.cloud import cloud
from doitstack.config.addresses import host_address, socket_host
from doitstack.config.settings import SettingCheck
from doitstack.private_files import private_directory
from doitstack.uptodate import Unchanged, digest
from doitstack_plugins.backing import mariadb, rabbit_queues, rabbitmq
from doitstack_plugins.cinder import backends, default_backend
from doitstack_plugins.cinder.enabled_backends import enabled
from doitstack_plugins.keystone import service_accounts
from doitstack_plugins.libvirt import node
from doitstack_plugins.lvm import needs
from doitstack_plugins.shared import health, subnode, tree_daemons, warm_managers
from doitstack_plugins.shared.api_service import ApiService
from doitstack_plugins.shared.conf_files import Sections
from doitstack_plugins.shared.required_services import Check
from doitstack_plugins.shared.uwsgi import WsgiService

_IN_NODE = ("c-vol", "c-bak")
"""The daemons that open volumes."""

_IMPORTED = (
    *("cinder.cmd.scheduler", "cinder.cmd.volume", "cinder.cmd.backup", "cinder.objects.*"),
    *("cinder.scheduler.manager", "cinder.scheduler.filters.*", "cinder.scheduler.weights.*"),
    *("cinder.volume.manager", "cinder.backup.manager", "oslo_messaging._drivers.impl_rabbit"),
)
"""The modules of the daemons. The first makes threads green."""

_FORGET_HUB = "import eventlet.hubs; eventlet.hubs.use_hub()"
"""Each fork needs a hub of its own: that of eventlet waits for descriptors, by one of its own."""

_PRIVILEGED = ("cinder_sys_admin", "privsep_osbrick")
"""The sections of helpers that cinder starts for what only root may do. Ours are root already."""


class Cinder(ApiService):
    """Cinder."""

    name = "cinder"
    services = ("cinder",)
    known_services = ("c-api", "c-sch", "c-vol", "c-bak")
    configuration_files = ("cinder.conf",)
    # The back end without data lies among cinder's tests, which need one package more.
    requirements = ("cinder", "fixtures")
    needs = ("key", "mysql", "rabbit")
    process = "c-api"
    daemons: ClassVar[Mapping[str, str]] = {
        "c-sch": "cinder-scheduler",
        "c-vol": "cinder-volume",
        "c-bak": "cinder-backup",
    }
    port = "8776"
    wsgi = "cinder.wsgi.api:application"
    catalog_type = "block-storage"
    endpoint_path = "/v3"
    manage = "cinder-manage"
    manage_modules = ("cinder.cmd.manage", "cinder.objects.*", "cinder.service")
    parent_name = "cinder-scheduler"
    keeps_schema = True
    migration = ("db", "sync")

    @hookimpl
    def source(self, settings: Settings) -> None:
        """Set the defaults of DevStack's lib/cinder."""
        super().source(settings)
        backends.set_defaults(settings)

    @property
    def checked_settings(self) -> Mapping[str, SettingCheck]:
        """How its settings are checked, by their names."""
        return {
            **super().checked_settings,
            "CINDER_ENABLED_BACKENDS": backends.check,
            "VOLUME_BACKING_FILE_SIZE": backends.check_size,
            "VOLUME_GROUP_NAME": needs.check_name,
            "CINDER_LVM_TYPE": backends.check_lvm_type,
            "CINDER_VOLUME_CLEAR": backends.check_clear,
        }

    def start_note(self, stack: Stack) -> str:
        """Return where volumes are, and why."""
        return default_backend.note(stack)

    def extra_on_controller(self, stack: Stack) -> Iterator[Step]:
        """Start cinder, and make the type of its volumes."""
        yield from super().extra_on_controller(stack)
        good = Unchanged(partial(mariadb.schema_key, stack, self.name))
        name, wait = "create_volume_types", ["start_cinder"]
        yield async_run(name, self.create_volume_types, wait=wait, uptodate=[good])

    def test_config_on_controller(self, stack: Stack) -> Iterator[Step]:
        """Nothing: `all_services` has waited for it."""
        yield from ()

    def checks(self, stack: Stack) -> Iterator[Check]:
        """Yield further checks, also of what volumes need on this machine."""
        yield from super().checks(stack)
        yield from backends.checks(stack)

    def environ(self, stack: Stack) -> dict[str, str]:
        """Return the environment variables of its processes."""
        return {**super().environ(stack), **backends.environ(stack)}

    def serves_api(self, stack: Stack) -> bool:
        """Return whether the API is enabled."""
        return stack.is_service_enabled(self.process)

    def configure(self, stack: Stack) -> None:
        """Write cinder.conf (0600), and make the directory of the state."""
        super().configure(stack)
        # As in DevStack, plugins copy their filters there.
        private_directory(self.conf_dir(stack) / "rootwrap.d")
        private_directory(self.state(stack))
        private_directory(self.data(stack) / "backups")

    def start(self, stack: Stack) -> None:
        """Start cinder, with what keeps its volumes."""
        if backends.hold_data(stack):
            backends.prepare(stack, self.data(stack))
        super().start(stack)

    def daemon_command(self, stack: Stack, name: str) -> list[str]:
        """Return what a daemon runs; the node is where volumes are that hold data."""
        if name in _IN_NODE and backends.hold_data(stack):
            return [*node.command(stack), *super().daemon_command(stack, name)]
        if parent := self.parent(stack):
            words = warm.daemon(stack, parent, name, self.daemons[name])
            return [*words, *self.conf_options(stack)]
        return super().daemon_command(stack, name)

    def stop_seconds(self, stack: Stack) -> int:
        """Return the seconds in which a daemon may end: few, if its volumes hold no data."""
        if self.environment(stack).code_to_run() and not backends.hold_data(stack):
            return tree_daemons.SOON
        return super().stop_seconds(stack)

    def parent(self, stack: Stack) -> warm.Program | None:
        """Return the program that imports what the daemons do, if several can be forks of it.

        None does that in the node, which is another place.
        """
        if len(self.enabled_daemons(stack)) < 2 or backends.hold_data(stack):
            return None
        program = warm_managers.manager(
            stack, self.environment(stack), self.parent_name, *_IMPORTED
        )
        return program._replace(
            setup=f"{program.setup}; {_FORGET_HUB}",
            # It looks for its own options, which a stack does not set.
            indifferent=(*program.indifferent, "networkx"),
        )

    def wait_for_daemons(self, stack: Stack) -> None:
        """Wait until the daemons take messages and, if there is an API, are listed as up."""
        for name, takes_messages in self.takes_work(stack).items():
            health.wait_until(stack, name, takes_messages)
        if not self.serves_api(stack) and not subnode.is_subnode(stack.settings):
            return
        with cloud(stack) as connection:
            for name in self.enabled_daemons(stack):
                binary = self.daemons[name]
                listed = partial(connection.block_storage.services, binary=binary)
                # The scheduler gives nothing to one that has not reported for a minute.
                health.wait_until(stack, name, partial(_is_up, listed, _host(stack)))

    def takes_work(self, stack: Stack) -> Mapping[str, Callable[[], bool]]:
        """Return, for each daemon, a function that says whether it takes messages."""
        return {
            name: partial(_takes_messages, stack, name, self.queues(stack, name))
            for name in self.enabled_daemons(stack)
        }

    def queues(self, stack: Stack, name: str) -> list[str]:
        """Return the queues of a daemon; a volume service has one for each back end."""
        ends = [f"@{one}" for one in self.backend_names(stack)] if name == "c-vol" else [""]
        return [f"{self.daemons[name]}.{_host(stack)}{end}" for end in ends]

    def create_volume_types(self, stack: Stack) -> None:
        """Make the type of each back end's volumes unless it is there."""
        if not self.serves_api(stack):
            return
        with cloud(stack) as connection, stack.timed("osc"):
            storage = connection.block_storage
            known = {one.name for one in storage.types()}
            for name in self.backend_names(stack):
                if name not in known:
                    specs = {"volume_backend_name": name}
                    storage.create_type(name=name, extra_specs=specs)

    def backend_names(self, stack: Stack) -> list[str]:
        """Return the names of the back ends."""
        return [backend.name for backend in enabled(stack.settings)]

    def configuration(self, stack: Stack) -> str:
        """Return what it is configured with."""
        return digest(super().configuration(stack), self.accounts(stack))

    def wsgi_service(self, stack: Stack) -> WsgiService:
        """Return how the API is served."""
        # uWSGI splits these options at spaces, which the path of the file may have.
        options = ("--chdir", str(self.conf_dir(stack)), "--pyargv", "--config-file=cinder.conf")
        return replace(super().wsgi_service(stack), options=options)

    def conf(self, stack: Stack) -> Sections:
        """Return cinder.conf."""
        state, etc = self.state(stack), self.environment(stack).path / "etc/cinder"
        names = self.backend_names(stack)
        return {
            "DEFAULT": {
                "host": _host(stack),
                "my_ip": host_address(stack.settings),
                "transport_url": rabbitmq.url(stack),
                "enabled_backends": ",".join(names),
                "default_volume_type": names[0],
                "state_path": str(state),
                # Seconds between two reports of a volume service to the scheduler.
                "report_interval": "2",
                "auth_strategy": "keystone",
                "api_paste_config": str(etc / "api-paste.ini"),
                "resource_query_filters_file": str(etc / "resource_filters.json"),
                "rootwrap_config": str(etc / "rootwrap.conf"),
                "image_conversion_dir": str(state / "conversion"),
                **self.backup_options(stack),
            },
            **backends.sections(stack, self.data(stack)),
            **{section: {"helper_command": self.helper(stack)} for section in _PRIVILEGED},
            "database": {"connection": mariadb.url(stack, "cinder")},
            "keystone_authtoken": service_accounts.authtoken_options(stack, "cinder"),
            "nova": service_accounts.credentials(stack, "nova"),
            "coordination": {"backend_url": f"file://{state}/coordination"},
            "oslo_concurrency": {"lock_path": str(state / "locks")},
        }

    def backup_options(self, stack: Stack) -> dict[str, str]:
        """Return where backups are: in Swift if it is enabled, else in files."""
        if stack.is_service_enabled("s-proxy"):
            # The user's own account, as the endpoint of the catalog has it.
            return {"backup_driver": "cinder.backup.drivers.swift.SwiftBackupDriver"}
        return {
            "backup_driver": "cinder.backup.drivers.posix.PosixBackupDriver",
            "backup_posix_path": str(self.data(stack) / "backups"),
        }

    def helper(self, stack: Stack) -> str:
        """Return the command of a helper for what only root may do."""
        program = self.environment(stack).program("privsep-helper")
        return shlex.join([program, "--config-file", str(self.conf_dir(stack) / "cinder.conf")])

    def state(self, stack: Stack) -> Path:
        """Return the directory of cinder's own files."""
        return self.data(stack) / "state"


def _host(stack: Stack) -> str:
    """Return the name of this host in cinder; a volume service has one for each back end."""
    settings = stack.settings
    if subnode.is_subnode(settings):
        return host_address(settings)
    return socket_host(settings["SERVICE_HOST"])


def _takes_messages(stack: Stack, process: str, queues: Iterable[str]) -> bool:
    return all(rabbit_queues.takes_messages(stack, process, queue) for queue in queues)


def _is_up(listed: Callable[[], Iterable[Any]], host: str) -> bool:
    return any(one.host.partition("@")[0] == host and one.state == "up" for one in listed())


plugin = Cinder()
