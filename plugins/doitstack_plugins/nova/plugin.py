"""Nova: its API, metadata, conductors, scheduler, and computes with nova's fake driver.

The configuration is in `conf`, the databases in `cells`, the processes in `processes`, and what
nova needs before it is of use in `readiness`.
"""

from collections.abc import Iterator, Mapping
from functools import partial

from doitstack import Settings, Stack, Step, async_run, async_wait, hookimpl, run, warm
from doitstack.config.settings import SettingCheck
from doitstack.private_files import private_directory
from doitstack.uptodate import Unchanged
from doitstack.venvs import Environment
from doitstack_plugins.backing import debian_packages, mariadb, rabbitmq
from doitstack_plugins.nova import cells, conf, consoles, processes, readiness
from doitstack_plugins.shared import subnode, venvs
from doitstack_plugins.shared.api_service import ApiService
from doitstack_plugins.shared.required_services import Check
from doitstack_plugins.shared.service import named


class Nova(ApiService):
    """Nova, which has several databases, files of configuration and APIs."""

    name = "nova"
    services = ("nova",)
    known_services = (
        *("n-api", "n-api-meta", "n-cond", "n-cpu", "n-sch", "n-super-cond"),
        *consoles.PROXIES,
    )
    configuration_files = ("nova.conf", "nova-cpu.conf", "nova_cell*.conf", "nova_cpu*.conf")
    requirements = ("nova",)
    needs = ("key", "mysql", "rabbit", "placement-api", "g-api")
    catalog_type = "compute"
    endpoint_path = "/v2.1"
    manage = cells.MANAGE

    @hookimpl
    def source(self, settings: Settings) -> None:
        """Set the defaults of DevStack's lib/nova."""
        conf.set_nova_defaults(settings)

    @hookimpl
    def stack_install(self, stack: Stack) -> Iterator[Step]:
        """Install nova and make the databases of its cells, which need no other service."""
        waits = venvs.installs_after(stack, self.name)
        if conf.is_libvirt(stack):
            # Its bindings for Python are compiled.
            waits = [*waits, debian_packages.FUTURE]
        yield self.install_step(stack, wait=waits)
        yield run(named("configure_nova", self.configure))
        if subnode.is_subnode(stack.settings):
            return
        for number in (0, *conf.cells(stack)):
            yield async_run(
                f"nova-cell-{number}",
                self.init_cell,
                number,
                wait=["install_nova", *mariadb.waits(stack)],
                uptodate=[Unchanged(partial(cells.cell_schema, stack, number))],
            )
        if stack.is_service_enabled("n-novnc"):
            yield async_run("fetch_novnc", consoles.fetch_page)
        if len(conf.cells(stack)) > 1:
            yield async_run("nova-vhosts", processes.create_vhosts, wait=[rabbitmq.FUTURE])

    @hookimpl
    def stack_post_config(self, stack: Stack) -> Iterator[Step]:
        """Configure nova, and make its accounts and the API's database while cells are made."""
        if subnode.is_subnode(stack.settings):
            return
        yield from super().stack_post_config(stack)
        yield async_wait("install_nova")
        good = Unchanged(partial(cells.api_schema, stack))
        yield run(cells.init_nova_api, uptodate=[good])

    @hookimpl
    def stack_extra(self, stack: Stack) -> Iterator[Step]:
        """Put the cells together and start nova; on a subnode, its computes."""
        if subnode.is_subnode(stack.settings):
            yield from self._start_computes(stack)
            return
        yield async_wait(*(f"nova-cell-{number}" for number in (0, *conf.cells(stack))))
        yield run(cells.create_cells, uptodate=[Unchanged(partial(cells.schemas, stack))])
        yield async_wait("create_nova_accounts")
        if len(conf.cells(stack)) > 1:
            yield async_wait("nova-vhosts")
        if stack.is_service_enabled("neutron"):
            yield async_wait("configure_neutron_nova")
        if stack.is_service_enabled("n-novnc"):
            yield async_wait("fetch_novnc")
        if conf.is_libvirt(stack):
            yield async_wait("choose_virt_type", "start_libvirt")
        yield async_run("start_nova", named("start_nova", self.start))
        yield async_run(
            "create_flavors",
            readiness.create_flavors,
            wait=["start_nova"],
            uptodate=[Unchanged(partial(cells.api_schema, stack))],
        )
        # Computes report to placement.
        yield async_run(
            "wait_for_computes", readiness.wait_for_computes, wait=["start_nova", "start_placement"]
        )
        yield async_run(
            "discover_hosts",
            cells.discover_hosts,
            wait=["wait_for_computes"],
            uptodate=[Unchanged(partial(cells.hosts, stack))],
        )

    @hookimpl
    def stack_test_config(self, stack: Stack) -> Iterator[Step]:
        """Wait until nova is ready for the servers of tests."""
        yield async_wait("wait_for_computes")
        if not subnode.is_subnode(stack.settings):
            yield async_wait("create_flavors", "discover_hosts")

    def _start_computes(self, stack: Stack) -> Iterator[Step]:
        yield async_wait("install_nova")
        if conf.is_libvirt(stack):
            yield async_wait("choose_virt_type", "start_libvirt")
        yield from subnode.waits(stack, "start_nova", "start_placement")
        yield run(named("wait_for_nova", self.wait_for_controller))
        yield async_run("start_nova", named("start_nova", self.start))
        yield async_run("wait_for_computes", readiness.wait_for_computes, wait=["start_nova"])

    @property
    def checked_settings(self) -> Mapping[str, SettingCheck]:
        """How its settings are checked, by their names."""
        return {
            **super().checked_settings,
            "LOCAL_HOSTNAME": Settings.host,
            "METADATA_SERVICE_PORT": Settings.port,
            **dict.fromkeys(consoles.PORTS, Settings.port),
            "NOVA_NUM_CELLS": conf.check_number_of_cells,
            "NOVA_CPU_CELL": conf.check_cell_of_computes,
            "NUMBER_FAKE_NOVA_COMPUTE": Settings.number,
            "VIRT_DRIVER": conf.check_driver,
        }

    def checks(self, stack: Stack) -> Iterator[Check]:
        """Yield the checks of the APIs' ports, and of what is enabled on a subnode."""
        yield partial(subnode.check_services, stack, self.known_services)
        yield from processes.port_checks(stack)

    def configure(self, stack: Stack) -> None:
        """Write the configuration (0600) and make the directories of the computes."""
        conf.write_all(stack)
        private_directory(self.data(stack) / "instances")
        for number in conf.computes(stack):
            private_directory(conf.compute_state(stack, number) / "instances")

    def init_cell(self, stack: Stack, number: int) -> None:
        """Make the database of a cell, or bring it up to the installed version."""
        cells.init_cell(stack, number)

    def wait_for_controller(self, stack: Stack) -> None:
        """Wait until what the computes of a subnode need on the controller answers."""
        wanted = subnode.apis(stack, "KEYSTONE", "PLACEMENT", "NOVA")
        subnode.wait_for(stack, {**wanted, **rabbitmq.listener(stack)})

    def start(self, stack: Stack) -> None:
        """Start all of nova, and wait until it works."""
        processes.start_nova(stack)

    def stop(self, stack: Stack) -> None:
        """Stop all of nova, also what an earlier configuration started."""
        processes.stop_nova(stack)

    def environment(self, stack: Stack) -> Environment:
        """Return nova's virtual environment."""
        return conf.environment(stack)

    def manager(self, stack: Stack) -> warm.Program:
        """Return `nova-manage`."""
        return cells.manager(stack)


plugin = Nova()
