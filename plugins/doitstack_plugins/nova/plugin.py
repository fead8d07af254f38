"""Nova: its API, metadata, conductors, scheduler, and computes with nova's fake driver.

The configuration is in `conf`, the databases in `cells`, the processes in `processes`, and what
nova needs before it is of use in `readiness`.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from doitstack import Settings, Stack, Step, async_run, async_wait, hookimpl, run, warm
from doitstack.config.settings import SettingCheck
from doitstack.private_files import private_directory
from doitstack.uptodate import Unchanged
from doitstack.venvs import Environment
from doitstack_plugins.backing import debian_packages, mariadb, rabbitmq
from doitstack_plugins.nova import cells, conf, consoles, processes, readiness
from doitstack_plugins.shared import subnode
from doitstack_plugins.shared.api_service import ApiService
from doitstack_plugins.shared.required_services import Check


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
    needed_on_controller = ("placement",)

    @hookimpl
    def source(self, settings: Settings) -> None:
        """Set the defaults of DevStack's lib/nova."""
        conf.set_nova_defaults(settings)

    def install_waits(self, stack: Stack) -> list[str]:
        """Return the futures after which it is installed: libvirt's bindings are compiled."""
        waits = super().install_waits(stack)
        return [*waits, debian_packages.FUTURE] if conf.is_libvirt(stack) else waits

    def install_on_controller(self, stack: Stack) -> Iterator[Step]:
        """Make the databases of its cells, which need no other service."""
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

    def post_config_on_controller(self, stack: Stack) -> Iterator[Step]:
        """Make its accounts and the API's database while cells are made."""
        yield from super().post_config_on_controller(stack)
        yield async_wait("install_nova")
        good = Unchanged(partial(cells.api_schema, stack))
        yield run(cells.init_nova_api, uptodate=[good])

    def extra_on_controller(self, stack: Stack) -> Iterator[Step]:
        """Put the cells together and start nova."""
        yield async_wait(*(f"nova-cell-{number}" for number in (0, *conf.cells(stack))))
        yield run(cells.create_cells, uptodate=[Unchanged(partial(cells.schemas, stack))])
        yield async_wait("create_nova_accounts")
        if len(conf.cells(stack)) > 1:
            yield async_wait("nova-vhosts")
        if stack.is_service_enabled("neutron"):
            yield async_wait("configure_neutron_nova")
        if stack.is_service_enabled("n-novnc"):
            yield async_wait("fetch_novnc")
        yield from self._wait_for_libvirt(stack)
        yield self.start_step(stack)
        yield async_run(
            "create_flavors",
            readiness.create_flavors,
            wait=["start_nova"],
            uptodate=[Unchanged(partial(mariadb.schema_key, stack, "nova_api"))],
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

    def test_config_on_controller(self, stack: Stack) -> Iterator[Step]:
        """Wait until nova is ready for the servers of tests."""
        yield async_wait("wait_for_computes")
        yield async_wait("discover_hosts")

    def extra_on_subnode(self, stack: Stack) -> Iterator[Step]:
        """Start the computes."""
        yield from self._wait_for_libvirt(stack)
        yield from super().extra_on_subnode(stack)
        yield async_run("wait_for_computes", readiness.wait_for_computes, wait=["start_nova"])

    def test_config_on_subnode(self, stack: Stack) -> Iterator[Step]:
        """Wait until the computes get servers."""
        yield async_wait("wait_for_computes")

    def _wait_for_libvirt(self, stack: Stack) -> Iterator[Step]:
        if conf.is_libvirt(stack):
            yield async_wait("choose_virt_type", "start_libvirt")

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
            "NOVA_INSTANCES_PATH": Settings.absolute_path,
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
        # As in DevStack, plugins copy their filters there.
        private_directory(self.conf_dir(stack) / "rootwrap.d")
        private_directory(self.data(stack) / "instances")
        for number in conf.computes(stack):
            private_directory(conf.compute_state(stack, number) / "instances")
        if conf.is_libvirt(stack):
            # A directory of the user's is as its user made it, and stays.
            stack.settings.path("NOVA_INSTANCES_PATH").mkdir(parents=True, exist_ok=True)

    def init_cell(self, stack: Stack, number: int) -> None:
        """Make the database of a cell, or bring it up to the installed version."""
        cells.init_cell(stack, number)

    def start(self, stack: Stack) -> None:
        """Start all of nova, and wait until it works."""
        processes.start_nova(stack)

    def takes_work(self, stack: Stack) -> Mapping[str, Callable[[], bool]]:
        """Return, for each daemon with a queue, a function that says whether it takes messages."""
        return processes.takes_work(stack)

    def stop(self, stack: Stack) -> None:
        """Stop all of nova, also what an earlier configuration started."""
        processes.stop_nova(stack)

    def needs_manager(self, stack: Stack) -> bool:
        """Return whether `nova-manage` is called, or on a subnode imports what computes need.

        They can be its forks then, which start when the controller is ready: that is much later.
        """
        if not subnode.is_subnode(stack.settings):
            return super().needs_manager(stack)
        return not conf.is_libvirt(stack) and not self.environment(stack).code_to_run()

    def environment(self, stack: Stack) -> Environment:
        """Return nova's virtual environment."""
        return conf.environment(stack)

    def manager(self, stack: Stack) -> warm.Program:
        """Return `nova-manage`."""
        return cells.manager(stack)


plugin = Nova()
