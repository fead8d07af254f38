"""Nova: its API, metadata, conductors, scheduler, and computes whose driver only pretends.

The configuration is in conf.py, the databases in nova_cells.py, what runs in
nova_processes.py, and what is waited for and made in the running nova in nova_ready.py.
"""

from collections.abc import Iterator
from functools import partial

from doitstack import Settings, Stack, Step, async_run, async_wait, hookimpl, run, warm
from doitstack.config.dest_directory import discard
from doitstack.private_files import private_directory
from doitstack.uptodate import Unchanged
from doitstack.venvs import remove
from doitstack_plugins.backing import mariadb, rabbitmq
from doitstack_plugins.keystone import service_accounts
from doitstack_plugins.nova import cells, conf, processes, readiness
from doitstack_plugins.shared import venvs


@hookimpl
def source(settings: Settings) -> None:
    """Set the defaults of DevStack's lib/nova."""
    conf.set_nova_defaults(settings)


@hookimpl
def stack_pre_install(stack: Stack) -> Iterator[Step]:
    """See that nova has what it needs."""
    if stack.is_service_enabled("nova"):
        yield run(processes.check_nova, only_looks=True)


@hookimpl
def stack_install(stack: Stack) -> Iterator[Step]:
    """Install nova and make the databases of its cells, which need no other service."""
    if not stack.is_service_enabled("nova"):
        return
    current = conf.environment(stack).is_current
    first = venvs.first(stack)
    yield async_run("install_nova", install_nova, wait=first, uptodate=[current])
    for number in (0, *conf.cells(stack)):
        yield async_run(
            f"nova-cell-{number}",
            init_cell,
            number,
            wait=["install_nova", *mariadb.waits(stack)],
            uptodate=[Unchanged(partial(cells.cell_schema, stack, number))],
        )
    if len(conf.cells(stack)) > 1:
        yield async_run("nova-vhosts", processes.create_vhosts, wait=[rabbitmq.FUTURE])


@hookimpl
def stack_post_config(stack: Stack) -> Iterator[Step]:
    """Configure nova, and make its accounts and the API's database, beside those of the cells."""
    if not stack.is_service_enabled("nova"):
        return
    yield run(configure_nova)
    good = Unchanged(partial(accounts, stack))
    yield async_run("create_nova_accounts", create_nova_accounts, uptodate=[good])
    yield async_wait("install_nova")
    good = Unchanged(partial(cells.api_schema, stack))
    yield run(cells.init_nova_api, uptodate=[good])


@hookimpl
def stack_extra(stack: Stack) -> Iterator[Step]:
    """Put the cells together and start nova."""
    if not stack.is_service_enabled("nova"):
        return
    yield async_wait(*(f"nova-cell-{number}" for number in (0, *conf.cells(stack))))
    yield run(cells.create_cells, uptodate=[Unchanged(partial(cells.schemas, stack))])
    yield async_wait("create_nova_accounts")
    if len(conf.cells(stack)) > 1:
        yield async_wait("nova-vhosts")
    if stack.is_service_enabled("neutron"):
        yield async_wait("configure_neutron_nova")
    yield async_run("start_nova", processes.start_nova)
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
def stack_test_config(stack: Stack) -> Iterator[Step]:
    """Have nova fit for servers before tests are pointed at it."""
    if stack.is_service_enabled("nova"):
        yield async_wait("create_flavors", "wait_for_computes", "discover_hosts")


@hookimpl
def unstack(stack: Stack) -> Iterator[Step]:
    """Stop nova, also one that an earlier ENABLED_SERVICES has started."""
    yield run(processes.stop_nova)


@hookimpl
def clean(stack: Stack) -> Iterator[Step]:
    """Remove what nova made."""
    yield run(clean_nova)


def install_nova(stack: Stack) -> None:
    """Make the environment."""
    venvs.install(stack, conf.environment(stack))
    warm.offer(stack, cells.manager(stack))


def configure_nova(stack: Stack) -> None:
    """Write the configuration (0600) and make the directories of the computes."""
    conf.write_all(stack)
    private_directory(stack.data_dir / "nova" / "instances")
    for number in conf.computes(stack):
        private_directory(conf.compute_state(stack, number) / "instances")


def init_cell(stack: Stack, number: int) -> None:
    """Make the database of a cell, or bring it up to the installed version."""
    configure_nova(stack)
    cells.init_cell(stack, number)


def create_nova_accounts(stack: Stack) -> None:
    """Make nova's user and its place in the catalog."""
    url = f"{stack.settings['NOVA_SERVICE_URI']}/v2.1"
    service_accounts.create(stack, "nova", "compute", "nova", url)


def accounts(stack: Stack) -> str:
    """Return what the accounts were made from."""
    return service_accounts.key(stack, stack.settings["NOVA_SERVICE_URI"])


def clean_nova(stack: Stack) -> None:
    """Remove the environment, the configuration and the state."""
    remove(conf.environment(stack))
    warm.withdraw(stack, cells.manager(stack).name)
    discard(stack.settings, conf.conf_dir(stack), stack.data_dir / "nova")
