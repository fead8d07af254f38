"""Cinder: its API, scheduler and volume service, with a back end that keeps no data.

The back end is one of Cinder's own: volumes are made, listed, attached and deleted, and store
nothing. So it needs neither LVM nor root, and no image can be copied into a volume.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from doitstack import Stack, Step, async_run, async_wait, hookimpl
from doitstack.cloud import cloud
from doitstack.config.addresses import host_address, socket_host
from doitstack.private_files import private_directory
from doitstack.uptodate import Unchanged, digest
from doitstack_plugins.backing import mariadb, rabbitmq
from doitstack_plugins.keystone import service_accounts
from doitstack_plugins.shared import health
from doitstack_plugins.shared.api_service import ApiService
from doitstack_plugins.shared.conf_files import Sections
from doitstack_plugins.shared.uwsgi import WsgiService

_BACKEND = "fake"
_DRIVER = "cinder.tests.fake_driver.FakeLoggingVolumeDriver"


class Cinder(ApiService):
    """Cinder."""

    name = "cinder"
    services = ("cinder",)
    known_services = ("c-api", "c-sch", "c-vol")
    configuration_files = ("cinder.conf",)
    # The back end lies among cinder's tests, which need one package more.
    requirements = ("cinder", "fixtures")
    needs = ("key", "mysql", "rabbit")
    process = "c-api"
    daemons: ClassVar[Mapping[str, str]] = {"c-sch": "cinder-scheduler", "c-vol": "cinder-volume"}
    port = "8776"
    wsgi = "cinder.wsgi.api:application"
    catalog_type = "block-storage"
    endpoint_path = "/v3"
    manage = "cinder-manage"
    manage_modules = ("cinder.cmd.manage", "cinder.objects.*", "cinder.service")
    migration = ("db", "sync")

    @hookimpl
    def stack_extra(self, stack: Stack) -> Iterator[Step]:
        """Start cinder, and make the type of its volumes."""
        yield from super().stack_extra(stack)
        good = Unchanged(partial(self.schema, stack))
        name, wait = "create_volume_types", ["start_cinder"]
        yield async_run(name, self.create_volume_types, wait=wait, uptodate=[good])

    @hookimpl
    def stack_test_config(self, stack: Stack) -> Iterator[Step]:
        """Wait for the types of volumes, which tests use."""
        yield async_wait("create_volume_types")

    def serves_api(self, stack: Stack) -> bool:
        """Return whether the API is enabled."""
        return stack.is_service_enabled(self.process)

    def configure(self, stack: Stack) -> None:
        """Write cinder.conf (0600), and make the directory of the state."""
        super().configure(stack)
        private_directory(self.state(stack))

    def wait_for_daemons(self, stack: Stack) -> None:
        """Wait until the daemons have reported to the API, if there is one."""
        if not self.serves_api(stack):
            return
        with cloud(stack) as connection:
            for name in self.enabled_daemons(stack):
                started = stack.services.started(name)
                storage, binary = connection.block_storage, self.daemons[name]
                health.wait_until(stack, name, partial(_is_reported, storage, binary, started))

    def create_volume_types(self, stack: Stack) -> None:
        """Make the type of the back end's volumes; nothing changes if it is there already."""
        if not self.serves_api(stack):
            return
        with cloud(stack) as connection, stack.timed("osc"):
            storage = connection.block_storage
            if all(one.name != _BACKEND for one in storage.types()):
                specs = {"volume_backend_name": _BACKEND}
                storage.create_type(name=_BACKEND, extra_specs=specs)

    def generation(self, stack: Stack) -> str:
        """Return what running processes must be made from."""
        return digest(super().generation(stack), self.accounts(stack))

    def wsgi_service(self, stack: Stack) -> WsgiService:
        """Return how the API is served."""
        # uWSGI splits these options at spaces, which the path of the file may have.
        options = ("--chdir", str(self.conf_dir(stack)), "--pyargv", "--config-file=cinder.conf")
        return replace(super().wsgi_service(stack), options=options)

    def conf(self, stack: Stack) -> Sections:
        """Return cinder.conf."""
        state, etc = self.state(stack), self.environment(stack).path / "etc/cinder"
        return {
            "DEFAULT": {
                "host": socket_host(stack.settings["SERVICE_HOST"]),
                "my_ip": host_address(stack.settings),
                "transport_url": rabbitmq.url(stack),
                "enabled_backends": _BACKEND,
                "default_volume_type": _BACKEND,
                "state_path": str(state),
                # Seconds between two reports of a volume service to the scheduler.
                "report_interval": "2",
                "auth_strategy": "keystone",
                "api_paste_config": str(etc / "api-paste.ini"),
                "resource_query_filters_file": str(etc / "resource_filters.json"),
                "rootwrap_config": str(etc / "rootwrap.conf"),
            },
            _BACKEND: {"volume_backend_name": _BACKEND, "volume_driver": _DRIVER},
            "database": {"connection": mariadb.url(stack, "cinder")},
            "keystone_authtoken": service_accounts.authtoken_options(stack, "cinder"),
            "nova": service_accounts.credentials(stack, "nova"),
            "coordination": {"backend_url": f"file://{state}/coordination"},
            "oslo_concurrency": {"lock_path": str(state / "locks")},
        }

    def state(self, stack: Stack) -> Path:
        """Return the directory of cinder's own files."""
        return self.data(stack) / "state"


def _is_reported(storage: Any, binary: str, started: int) -> bool:
    return any(health.has_reported(one, started) for one in storage.services(binary=binary))


plugin = Cinder()
