"""Placement: its API as the service `placement-api`."""

from collections.abc import Iterator

from doitstack import Stack, Step, hookimpl
from doitstack_plugins.backing import mariadb
from doitstack_plugins.keystone import service_accounts
from doitstack_plugins.shared.api_service import ApiService
from doitstack_plugins.shared.conf_files import Sections


class Placement(ApiService):
    """Placement."""

    name = "placement"
    services = ("placement-api",)
    # The client is always installed.
    known_services = ("placement-client",)
    configuration_files = ("placement.conf",)
    requirements = ("openstack-placement",)
    process = "placement-api"
    port = "8778"
    wsgi = "placement.wsgi.api:application"
    catalog_type = "placement"
    manage = "placement-manage"
    manage_modules = ("placement.cmd.manage",)
    keeps_schema = True
    migration = ("db", "sync")

    @hookimpl
    def stack_test_config(self, stack: Stack) -> Iterator[Step]:
        """Nothing: `all_services` has waited for it."""
        yield from ()

    def conf(self, stack: Stack) -> Sections:
        """Return placement.conf."""
        return {
            "api": {"auth_strategy": "keystone"},
            "placement_database": mariadb.options(stack, "placement"),
            "oslo_concurrency": {"lock_path": f"{self.data(stack)}/locks"},
            "keystone_authtoken": service_accounts.authtoken_options(stack, "placement"),
        }


plugin = Placement()
