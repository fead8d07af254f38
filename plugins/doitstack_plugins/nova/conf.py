"""Nova's configuration: of its API, of each cell, and the additions of each compute.

All processes read `nova.conf`, with cell0 as its database. The conductor and the computes of a cell
also read `nova_cellN.conf`, which has what differs, and computes `nova-cpu.conf`. Files in
`additions` come from other services and are read last.
"""

import socket
from functools import partial
from pathlib import Path

from doitstack import Settings, Stack
from doitstack.config.addresses import host_address
from doitstack.config.hosts import CONTROLLER
from doitstack.uptodate import digest
from doitstack.venvs import Environment
from doitstack_plugins.backing import debian_packages, mariadb, rabbitmq
from doitstack_plugins.keystone import service_accounts
from doitstack_plugins.nova import consoles, guests
from doitstack_plugins.shared import conf_files, subnode, venvs

API = "nova.conf"

# The plain fake driver has a new identity at each start.
DRIVERS = {"fake": "fake.FakeDriverWithoutFakeNodes", "libvirt": "libvirt.LibvirtDriver"}
"""Nova's drivers, by the values of VIRT_DRIVER. A script may set it to one of its own."""

COMPUTES = "nova-cpu.conf"
"""The file for options of all computes: DevStack's $NOVA_CPU_CONF. It is empty at first."""


_DISCOVERY_SECONDS = "2"
"""The interval in which the scheduler looks for computes of other hosts that have come up."""

_NO_DELAY = "0"
"""It does so from its start on; by default it begins at a random moment of its first minute."""

_FILTERS = (
    "ComputeFilter,ComputeCapabilitiesFilter,ImagePropertiesFilter,ServerGroupAntiAffinityFilter,"
    "ServerGroupAffinityFilter,SameHostFilter,DifferentHostFilter"
)
"""DevStack's filters of the scheduler; plugins add theirs to them."""


def set_nova_defaults(settings: Settings) -> None:
    """Set the defaults of DevStack's lib/nova."""
    conf_files.set_address(settings, "NOVA", "8774")
    settings.default("METADATA_SERVICE_PORT", "8775")
    settings.default("NOVA_CONF_DIR", f"{settings['DATA_DIR']}/nova/etc")
    consoles.set_defaults(settings)
    settings.default("NOVA_NUM_CELLS", "1")
    settings.default("NOVA_CPU_CELL", "1")
    settings.default("VIRT_DRIVER", "fake")
    settings.default("NUMBER_FAKE_NOVA_COMPUTE", "1")
    guests_of = "compute1/" if settings["VIRT_DRIVER"] == "libvirt" else ""
    path = f"{settings['DATA_DIR']}/nova/{guests_of}instances"
    settings.default("NOVA_INSTANCES_PATH", path)
    settings.default("NOVA_FILTERS", _FILTERS)
    settings.default("LOCAL_HOSTNAME", _host_name(settings))


def _host_name(settings: Settings) -> str:
    """Return the name of this machine; hosts that are stacked together have different ones."""
    if settings["THIS_HOST"] != CONTROLLER:
        return settings["THIS_HOST"]
    return socket.gethostname().partition(".")[0]


def environment(stack: Stack) -> Environment:
    """Return nova's virtual environment."""
    more = ("libvirt-python",) if is_libvirt(stack) else ()
    return venvs.service_environment(stack, "nova", "nova", *more)


def is_libvirt(stack: Stack) -> bool:
    """Return whether servers are guests that run, instead of entries of the fake driver."""
    return debian_packages.has_guests(stack)


def check_driver(settings: Settings, name: str) -> None:
    """Raise SettingsError unless there is such a driver."""
    if settings[name] not in DRIVERS:
        raise settings.mistake(name, f"use {' or '.join(DRIVERS)}")


def check_number_of_cells(settings: Settings, name: str) -> None:
    """Raise SettingsError unless there is a cell."""
    if settings.number(name) < 1:
        raise settings.mistake(name, "nova needs a cell; use 1 or more")


def check_cell_of_computes(settings: Settings, name: str) -> None:
    """Raise SettingsError unless the computes' cell exists."""
    cells = settings.number("NOVA_NUM_CELLS")
    if not 1 <= settings.number(name) <= max(1, cells):
        raise settings.mistake(name, f"there are the cells 1 to {cells} (NOVA_NUM_CELLS); use one")


def cells(stack: Stack) -> range:
    """Return the numbers of the cells that hold servers, which excludes cell0."""
    return range(1, stack.settings.number("NOVA_NUM_CELLS") + 1)


def computes(stack: Stack) -> range:
    """Return the numbers of the computes."""
    if not stack.is_service_enabled("n-cpu"):
        return range(0)
    if is_libvirt(stack):
        return range(1, 2)
    return range(1, stack.settings.number("NUMBER_FAKE_NOVA_COMPUTE") + 1)


def compute_host(stack: Stack, number: int) -> str:
    """Return the name of a compute in nova: of a real one, the machine's."""
    if is_libvirt(stack):
        return stack.settings["LOCAL_HOSTNAME"]
    return f"{stack.settings['LOCAL_HOSTNAME']}{number}"


def cell(number: int) -> str:
    """Return the name of a cell's configuration."""
    return f"nova_cell{number}.conf"


def compute(number: int) -> str:
    """Return the name of a compute's additions to its cell's configuration."""
    return f"nova_cpu{number}.conf"


def write_all(stack: Stack) -> None:
    """Write all of nova's own files (0600)."""
    directory = conf_dir(stack)
    conf_files.write(directory / API, sections(stack))
    conf_files.write(directory / COMPUTES, {})
    for number in cells(stack):
        conf_files.write(directory / cell(number), _cell_sections(stack, number))
    for number in computes(stack):
        conf_files.write(directory / compute(number), _compute_sections(stack, number))


def cell_files(number: int) -> tuple[str, ...]:
    """Return the names of the files that processes of a cell read; cell0 is the API's."""
    return (API, cell(number)) if number else (API,)


def files(stack: Stack, *names: str) -> list[Path]:
    """Return the files of `names` and those of other services, in the order to read them in."""
    directory = conf_dir(stack)
    additions = sorted((directory / conf_files.ADDITIONS).glob("*.conf"))
    return [*(directory / name for name in names), *additions]


def options(stack: Stack, *names: str) -> list[str]:
    """Return the arguments by which a program reads `files`."""
    return [f"--config-file={path}" for path in files(stack, *names)]


def generation(stack: Stack, *names: str) -> str:
    """Return what a process that reads `files` is made from."""
    texts = (path.read_text(encoding="utf-8") for path in files(stack, *names))
    databases = [] if subnode.is_subnode(stack.settings) else database_names(stack)
    stores = (mariadb.schema_key(stack, name) for name in databases)
    return digest(environment(stack).digest(), *stores, *texts)


def database_names(stack: Stack) -> list[str]:
    """Return the names of nova's databases."""
    return ["nova_api", *(cell_database(number) for number in (0, *cells(stack)))]


def cell_database(number: int) -> str:
    """Return the name of the database of a cell."""
    return f"nova_cell{number}"


def sections(stack: Stack) -> conf_files.Sections:
    """Return the configuration of all processes; on a subnode, without databases."""
    is_subnode = subnode.is_subnode(stack.settings)
    account = partial(service_accounts.credentials, stack)
    state = stack.data_dir / "nova"
    return {
        "DEFAULT": {
            "host": stack.settings["LOCAL_HOSTNAME"],
            "my_ip": host_address(stack.settings),
            "state_path": str(state),
            "transport_url": transport_url(stack, 0),
            **_driver(stack),
            **({"periodic_fuzzy_delay": _NO_DELAY} if looks_for_computes(stack) else {}),
        },
        **({"neutron": account("neutron")} if is_subnode else _control_sections(stack)),
        **consoles.sections(stack),
        "oslo_concurrency": {"lock_path": str(state / "locks")},
        "keystone_authtoken": service_accounts.authtoken_options(stack, "nova"),
        "service_user": {"send_service_user_token": "true", **account("nova")},
        "placement": account("placement"),
        "glance": account("glance"),
        "cinder": {
            "catalog_info": "block-storage::publicURL",
            "os_region_name": stack.settings["REGION_NAME"],
            **account("cinder"),
        },
    }


def _driver(stack: Stack) -> dict[str, str]:
    """Return the driver of computes; a script that has one of its own writes that itself."""
    known = DRIVERS.get(stack.settings["VIRT_DRIVER"])
    return {"compute_driver": known} if known else {}


def looks_for_computes(stack: Stack) -> bool:
    """Return whether the scheduler looks for computes of other hosts, which can reach it."""
    return not subnode.is_subnode(stack.settings) and subnode.is_reachable(stack.settings)


def _control_sections(stack: Stack) -> conf_files.Sections:
    """Return what only the processes of a controller need."""
    scheduler = {"workers": "1"}
    if looks_for_computes(stack):
        scheduler["discover_hosts_in_cells_interval"] = _DISCOVERY_SECONDS
    return {
        "api_database": {"connection": mariadb.url(stack, "nova_api")},
        "database": {"connection": mariadb.url(stack, cell_database(0))},
        "conductor": {"workers": "1"},
        "filter_scheduler": {"enabled_filters": stack.settings["NOVA_FILTERS"]},
        "scheduler": scheduler,
    }


def _cell_sections(stack: Stack, number: int) -> conf_files.Sections:
    """Return what differs from the API's configuration for the processes of a cell."""
    own = {"DEFAULT": {"transport_url": transport_url(stack, number)}}
    if subnode.is_subnode(stack.settings):
        return own
    return {**own, "database": {"connection": mariadb.url(stack, cell_database(number))}}


def transport_url(stack: Stack, cell_number: int) -> str:
    """Return the URL for a cell's messages: with several cells, each has its own virtual host."""
    return rabbitmq.url(stack, vhost(stack, cell_number))


def vhost(stack: Stack, cell_number: int) -> str:
    """Return the virtual host of a cell; empty for the one of the API."""
    is_shared = cell_number == 0 or len(cells(stack)) == 1
    return "" if is_shared else f"nova_cell{cell_number}"


def conf_dir(stack: Stack) -> Path:
    """Return where nova's configuration is."""
    return stack.settings.path("NOVA_CONF_DIR")


def compute_state(stack: Stack, number: int) -> Path:
    """Return the directory of a compute's identity and servers."""
    return stack.data_dir / "nova" / f"compute{number}"


def _compute_sections(stack: Stack, number: int) -> conf_files.Sections:
    state = str(compute_state(stack, number))
    own = {"DEFAULT": {"host": compute_host(stack, number), "state_path": state}}
    if not is_libvirt(stack):
        return own
    own["DEFAULT"]["instances_path"] = stack.settings["NOVA_INSTANCES_PATH"]
    return conf_files.merged(own, _guest_sections(stack, number))


def _guest_sections(stack: Stack, number: int) -> conf_files.Sections:
    return guests.sections(stack, conf_dir(stack) / compute(number), environment(stack))
