"""Nova's databases: the API's, cell0 for servers that failed to be scheduled, and the cells'."""

from functools import partial

from doitstack import Stack, warm
from doitstack.errors import CommandError
from doitstack.uptodate import digest
from doitstack_plugins.backing import mariadb
from doitstack_plugins.nova import conf
from doitstack_plugins.shared import subnode, warm_managers

_SAME_AS_OURS = "{scheme}://{username}:{password}@{hostname}:{port}/"
"""Nova fills this in from its own configuration, so that cells follow a new password or port."""

MANAGE = "nova-manage"

_USED = (
    *("nova.cmd.manage", "nova.objects.*"),
    *("oslo_messaging._drivers.impl_rabbit", "oslo_messaging.notify._impl_noop"),
)
"""The modules that nova-manage imports for each of these commands."""

_USED_BY_COMPUTES = ("nova.cmd.compute", "nova.compute.manager", "nova.virt.fake")

_USED_BY_OTHERS = (
    *("nova.cmd.conductor", "nova.cmd.scheduler"),
    *("nova.conductor.manager", "nova.scheduler.manager"),
    *("nova.scheduler.filters.*", "nova.scheduler.weights.*"),
    *("nova.api.openstack.wsgi_app", "nova.api.openstack.compute", "nova.api.metadata.handler"),
)
"""The modules of the processes that a subnode does not have."""

_FORGET = """\
import sys
for name in ("nova.compute.manager", "nova.scheduler.manager"):
    sys.modules.pop(name, None)
"""
"""They read the intervals of their periodic tasks when they are imported, so each process imports
them once it has read its configuration; all that they import is there by then.
"""

ENVIRON = {"OS_NOVA_DISABLE_EVENTLET_PATCHING": "1"}
"""No green threads, as they do not survive a fork; they are not nova's default either."""

_EXISTS = 2
"""The exit code of create_cell if the cell exists, and of discover_hosts if a mapping does."""


def init_cell(stack: Stack, number: int) -> None:
    """Make the database of a cell, or bring it up to the installed version."""
    with mariadb.migrating(stack, conf.cell_database(number)):
        _manage(stack, conf.cell_files(number), "db", "sync", "--local_cell")


def init_nova_api(stack: Stack) -> None:
    """Make the API's database, or bring it up to date, and register cell0 in it."""
    target = f"--database_connection={_SAME_AS_OURS}{conf.cell_database(0)}"
    with mariadb.migrating(stack, "nova_api"):
        _manage(stack, (conf.API,), "api_db", "sync")
        _manage(stack, (conf.API,), "cell_v2", "map_cell0", target)


def create_cells(stack: Stack) -> None:
    """Migrate the data to the newest form, and register the cells in the API's database."""
    _manage(stack, (conf.API,), "db", "online_data_migrations")
    for number in conf.cells(stack):
        _create_cell(stack, number)


def discover_hosts(stack: Stack) -> None:
    """Map the computes to their cells in the API's database."""
    try:
        _manage(stack, (conf.API,), "cell_v2", "discover_hosts", "--verbose")
    except CommandError as error:
        # The scheduler, which looks for those of other hosts, has mapped them at the same moment.
        if error.code != _EXISTS:
            raise


def cell_schema(stack: Stack, number: int) -> str:
    """Return what the schema of a cell is made from: the installed version and the database."""
    return _schema(stack, conf.cell_database(number))


def api_schema(stack: Stack) -> str:
    """Return what the API's schema was made from."""
    return _schema(stack, "nova_api")


def schemas(stack: Stack) -> str:
    """Return what all of nova's databases were made from."""
    return digest(*map(partial(_schema, stack), conf.database_names(stack)))


def hosts(stack: Stack) -> str:
    """Return what the mapping of hosts was made from."""
    names = (conf.compute_host(stack, number) for number in conf.computes(stack))
    databases = (mariadb.schema_key(stack, name) for name in conf.database_names(stack))
    return digest(*databases, stack.settings["NOVA_CPU_CELL"], *names)


def _schema(stack: Stack, name: str) -> str:
    installed = conf.environment(stack).digest_with_migrations()
    return digest(installed, mariadb.schema_key(stack, name))


def _create_cell(stack: Stack, number: int) -> None:
    words = [
        *("cell_v2", "create_cell", f"--name=cell{number}"),
        f"--database_connection={_SAME_AS_OURS}{conf.cell_database(number)}",
        f"--transport-url={_SAME_AS_OURS}{conf.vhost(stack, number)}",
    ]
    try:
        _manage(stack, (conf.API,), *words)
    except CommandError as error:
        if error.code != _EXISTS:
            raise


def _manage(stack: Stack, names: tuple[str, ...], *words: str) -> None:
    """Run nova-manage with the configuration of the files `names`."""
    warm.call(stack, manager(stack), *conf.options(stack, *names), *words)


def manager(stack: Stack) -> warm.Program:
    """Return `nova-manage`, with what nova's other programs on this host import."""
    others = () if subnode.is_subnode(stack.settings) else _USED_BY_OTHERS
    modules = (*_USED, *_USED_BY_COMPUTES, *others)
    program = warm_managers.manager(stack, conf.environment(stack), MANAGE, *modules, **ENVIRON)
    return program._replace(setup=f"{program.setup}\n{_FORGET}")
