"""Nova: its API, metadata, conductors, scheduler, and computes whose driver only pretends.

The configuration is in nova_conf.py, the databases in nova_cells.py, what runs in
nova_processes.py, and what is waited for and made in the running nova in nova_ready.py.
"""

from collections.abc import Iterator
from functools import partial

from doitstack import Settings, Stack, Step, async_run, async_wait, hookimpl, run, warm
from doitstack.dest import discard
from doitstack.environments import remove
from doitstack.files import private_directory
from doitstack.uptodate import Unchanged
from doitstack_plugins import (
    broker,
    database,
    nova_cells,
    nova_conf,
    nova_processes,
    nova_ready,
    packages,
    service_accounts,
)


@hookimpl
def source(settings: Settings) -> None:
    """Set the defaults of DevStack's lib/nova."""
    nova_conf.set_nova_defaults(settings)


@hookimpl
def stack_pre_install(stack: Stack) -> Iterator[Step]:
    """See that nova has what it needs."""
    if stack.is_service_enabled("nova"):
        yield run(nova_processes.check_nova, only_looks=True)


@hookimpl
def stack_install(stack: Stack) -> Iterator[Step]:
    """Install nova and make the databases of its cells, which need no other service."""
    if not stack.is_service_enabled("nova"):
        return
    current = nova_conf.environment(stack).is_current
    first = packages.first(stack)
    yield async_run("install_nova", install_nova, wait=first, uptodate=[current])
    for number in (0, *nova_conf.cells(stack)):
        yield async_run(
            f"nova-cell-{number}",
            init_cell,
            number,
            wait=["install_nova", *database.waits(stack)],
            uptodate=[Unchanged(partial(nova_cells.cell_schema, stack, number))],
        )
    if len(nova_conf.cells(stack)) > 1:
        yield async_run("nova-vhosts", nova_processes.create_vhosts, wait=[broker.FUTURE])


@hookimpl
def stack_post_config(stack: Stack) -> Iterator[Step]:
    """Configure nova, and make its accounts and the API's database, beside those of the cells."""
    if not stack.is_service_enabled("nova"):
        return
    yield run(configure_nova)
    good = Unchanged(partial(accounts, stack))
    yield async_run("create_nova_accounts", create_nova_accounts, uptodate=[good])
    yield async_wait("install_nova")
    good = Unchanged(partial(nova_cells.api_schema, stack))
    yield run(nova_cells.init_nova_api, uptodate=[good])


@hookimpl
def stack_extra(stack: Stack) -> Iterator[Step]:
    """Put the cells together and start nova."""
    if not stack.is_service_enabled("nova"):
        return
    yield async_wait(*(f"nova-cell-{number}" for number in (0, *nova_conf.cells(stack))))
    yield run(nova_cells.create_cells, uptodate=[Unchanged(partial(nova_cells.schemas, stack))])
    yield async_wait("create_nova_accounts")
    if len(nova_conf.cells(stack)) > 1:
        yield async_wait("nova-vhosts")
    if stack.is_service_enabled("neutron"):
        yield async_wait("configure_neutron_nova")
    yield async_run("start_nova", nova_processes.start_nova)
    yield async_run(
        "create_flavors",
        nova_ready.create_flavors,
        wait=["start_nova"],
        uptodate=[Unchanged(partial(nova_cells.api_schema, stack))],
    )
    # Computes report to placement.
    yield async_run(
        "wait_for_computes", nova_ready.wait_for_computes, wait=["start_nova", "start_placement"]
    )
    yield async_run(
        "discover_hosts",
        nova_cells.discover_hosts,
        wait=["wait_for_computes"],
        uptodate=[Unchanged(partial(nova_cells.hosts, stack))],
    )


@hookimpl
def stack_test_config(stack: Stack) -> Iterator[Step]:
    """Have nova fit for servers before tests are pointed at it."""
    if stack.is_service_enabled("nova"):
        yield async_wait("create_flavors", "wait_for_computes", "discover_hosts")


@hookimpl
def unstack(stack: Stack) -> Iterator[Step]:
    """Stop nova, also one that an earlier ENABLED_SERVICES has started."""
    yield run(nova_processes.stop_nova)


@hookimpl
def clean(stack: Stack) -> Iterator[Step]:
    """Remove what nova made."""
    yield run(clean_nova)


def install_nova(stack: Stack) -> None:
    """Make the environment."""
    packages.install(stack, nova_conf.environment(stack))
    warm.offer(stack, nova_cells.manager(stack))


def configure_nova(stack: Stack) -> None:
    """Write the configuration (0600) and make the directories of the computes."""
    nova_conf.write_all(stack)
    private_directory(stack.data_dir / "nova" / "instances")
    for number in nova_conf.computes(stack):
        private_directory(nova_conf.compute_state(stack, number) / "instances")


def init_cell(stack: Stack, number: int) -> None:
    """Make the database of a cell, or bring it up to the installed version."""
    configure_nova(stack)
    nova_cells.init_cell(stack, number)


def create_nova_accounts(stack: Stack) -> None:
    """Make nova's user and its place in the catalog."""
    url = f"{stack.settings['NOVA_SERVICE_URI']}/v2.1"
    service_accounts.create(stack, "nova", "compute", "nova", url)


def accounts(stack: Stack) -> str:
    """Return what the accounts were made from."""
    return service_accounts.key(stack, stack.settings["NOVA_SERVICE_URI"])


def clean_nova(stack: Stack) -> None:
    """Remove the environment, the configuration and the state."""
    remove(nova_conf.environment(stack))
    warm.withdraw(stack, nova_cells.manager(stack).name)
    discard(stack.settings, nova_conf.conf_dir(stack), stack.data_dir / "nova")
