"""Neutron: its API, with a mechanism driver of our own that binds ports and wires none.

There is no agent and no Open vSwitch: networks, ports and routers are made, and carry nothing.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from doitstack import Settings, Stack, Step, async_run, async_wait, hookimpl, run, warm
from doitstack.config.dest_directory import discard
from doitstack.private_files import private_directory
from doitstack.uptodate import Unchanged, digest
from doitstack.venvs import Environment, remove
from doitstack_plugins.backing import mariadb, rabbitmq
from doitstack_plugins.keystone import service_accounts
from doitstack_plugins.neutron.first_networks import create_initial_networks, set_network_defaults
from doitstack_plugins.shared import conf_files, ports, required_services, venvs, warm_managers
from doitstack_plugins.shared.uwsgi import WsgiService, serve, wait_until_served

_DRIVER = "unwired"


@hookimpl
def source(settings: Settings) -> None:
    """Set the defaults of DevStack's lib/neutron."""
    # Q_PORT is DevStack's older name of it.
    conf_files.set_address(settings, "NEUTRON", settings.get("Q_PORT", "9696"))
    settings.default("NEUTRON_CONF_DIR", f"{settings['DATA_DIR']}/neutron/etc")
    set_network_defaults(settings)


@hookimpl
def stack_pre_install(stack: Stack) -> Iterator[Step]:
    """See that neutron has what it needs."""
    if stack.is_service_enabled("neutron"):
        yield run(check_neutron, only_looks=True)


@hookimpl
def stack_install(stack: Stack) -> Iterator[Step]:
    """Install neutron and make its database, which needs no other service."""
    if not stack.is_service_enabled("neutron"):
        return
    current = environment(stack).is_current
    first = venvs.first(stack)
    yield async_run("install_neutron", install_neutron, wait=first, uptodate=[current])
    yield async_run(
        "init_neutron",
        init_neutron,
        wait=["install_neutron", *mariadb.waits(stack)],
        uptodate=[Unchanged(partial(schema, stack))],
    )


@hookimpl
def stack_post_config(stack: Stack) -> Iterator[Step]:
    """Configure neutron, and nova for it, and make its accounts."""
    if not stack.is_service_enabled("neutron"):
        return
    yield run(configure_neutron)
    good = Unchanged(partial(accounts, stack))
    yield async_run("create_neutron_accounts", create_neutron_accounts, uptodate=[good])
    if stack.is_service_enabled("nova"):
        yield async_run("configure_neutron_nova", configure_neutron_nova)


@hookimpl
def stack_extra(stack: Stack) -> Iterator[Step]:
    """Have neutron served, and make the first networks."""
    if not stack.is_service_enabled("neutron"):
        return
    yield async_wait("install_neutron", "init_neutron", "create_neutron_accounts")
    yield async_run("start_neutron", start_neutron)
    if stack.settings.is_true("NEUTRON_CREATE_INITIAL_NETWORKS", default=True):
        yield async_run(
            "create_neutron_initial_network",
            create_initial_networks,
            wait=["start_neutron"],
            uptodate=[Unchanged(partial(generation, stack))],
        )


@hookimpl
def stack_test_config(stack: Stack) -> Iterator[Step]:
    """Have the first networks before tests are pointed at them."""
    if stack.is_service_enabled("neutron") and stack.settings.is_true(
        "NEUTRON_CREATE_INITIAL_NETWORKS", default=True
    ):
        yield async_wait("create_neutron_initial_network")


@hookimpl
def unstack(stack: Stack) -> Iterator[Step]:
    """Stop neutron, also one that an earlier ENABLED_SERVICES has started."""
    yield run(stop_neutron)


@hookimpl
def clean(stack: Stack) -> Iterator[Step]:
    """Remove what neutron made."""
    yield run(clean_neutron)


def environment(stack: Stack) -> Environment:
    """Return neutron's virtual environment."""
    return venvs.service_environment(stack, "neutron", "neutron")


def check_neutron(stack: Stack) -> None:
    """Raise where neutron cannot be served, or lacks a service."""
    required_services.check_all(
        # The migrations of its database fail on SQLite.
        lambda: required_services.check(stack, "neutron", "key", "mysql", "rabbit"),
        lambda: ports.check_api(stack, "neutron-api", "NEUTRON"),
    )


def install_neutron(stack: Stack) -> None:
    """Make the environment."""
    venvs.install(stack, environment(stack))
    warm.offer(stack, _manager(stack))


def configure_neutron(stack: Stack) -> None:
    """Write neutron.conf and ml2.ini (0600)."""
    conf_files.write(_conf_dir(stack) / "neutron.conf", _conf(stack))
    conf_files.write(_conf_dir(stack) / "ml2.ini", _ml2(stack))
    private_directory(_state(stack))


def create_neutron_accounts(stack: Stack) -> None:
    """Make neutron's user and its place in the catalog."""
    url = stack.settings["NEUTRON_SERVICE_URI"]
    service_accounts.create(stack, "neutron", "network", "neutron", url)


def init_neutron(stack: Stack) -> None:
    """Make the database, or bring it up to the installed version."""
    configure_neutron(stack)
    names = [f"--config-file={_conf_dir(stack) / name}" for name in ("neutron.conf", "ml2.ini")]
    with mariadb.migrating(stack, "neutron"):
        warm.call(stack, _manager(stack), *names, "upgrade", "heads")


def configure_neutron_nova(stack: Stack) -> None:
    """Tell nova where neutron is, by a file in the directory that nova reads beside its own."""
    account = service_accounts.credentials(stack, "neutron")
    directory = stack.settings.path("NOVA_CONF_DIR") / "nova.conf.d"
    conf_files.write(directory / "neutron.conf", {"neutron": account})


def start_neutron(stack: Stack) -> None:
    """Have neutron served, anew if it runs from anything else than is there now, and answer."""
    service = _service(stack)
    serve(stack, service)
    wait_until_served(stack, service, "/", "versions")


def stop_neutron(stack: Stack) -> None:
    """Stop neutron; nothing happens if it does not run."""
    stack.stop_process("neutron-api")


def clean_neutron(stack: Stack) -> None:
    """Remove the environment, the configuration and the state."""
    remove(environment(stack))
    warm.withdraw(stack, _manager(stack).name)
    discard(stack.settings, _conf_dir(stack), stack.data_dir / "neutron")


def accounts(stack: Stack) -> str:
    """Return what the accounts were made from."""
    return service_accounts.key(stack, stack.settings["NEUTRON_SERVICE_URI"])


def schema(stack: Stack) -> str:
    """Return what the schema was made from: the installed version and the database."""
    return digest(environment(stack).digest(), mariadb.schema_key(stack, "neutron"))


def generation(stack: Stack) -> str:
    """Return what a running neutron, and what is in it, must be made from."""
    texts = (conf_files.text(_conf(stack)), conf_files.text(_ml2(stack)))
    return digest(schema(stack), accounts(stack), *texts)


def _manager(stack: Stack) -> warm.Program:
    modules = ("neutron.db.migration.cli", "neutron.db.migration.models.head")
    return warm_managers.manager(stack, environment(stack), "neutron-db-manage", *modules)


def _service(stack: Stack) -> WsgiService:
    env = {
        **venvs.environ(stack),
        "PYTHONPATH": str(Path(__file__).with_name("ml2_driver")),
        "OS_NEUTRON_CONFIG_DIR": str(_conf_dir(stack)),
        "OS_NEUTRON_CONFIG_FILES": "neutron.conf;ml2.ini",
        # Nobody reads it: another value restarts the service.
        "NEUTRON_GENERATION": generation(stack),
    }
    host = stack.settings["NEUTRON_SERVICE_HOST"]
    port = stack.settings.port("NEUTRON_SERVICE_PORT")
    module = "neutron.wsgi.api:application"
    return WsgiService("neutron-api", module, environment(stack), host, port, env)


def _conf(stack: Stack) -> conf_files.Sections:
    account = partial(service_accounts.credentials, stack)
    return {
        "DEFAULT": {
            "core_plugin": "ml2",
            "service_plugins": "router,segments",
            "transport_url": rabbitmq.url(stack),
            "api_paste_config": str(environment(stack).path / "etc/neutron/api-paste.ini"),
            "state_path": str(_state(stack)),
            "dhcp_agent_notification": "false",
        },
        "database": {"connection": mariadb.url(stack, "neutron")},
        "keystone_authtoken": service_accounts.authtoken_options(stack, "neutron"),
        "nova": account("nova"),
        "placement": account("placement"),
        "oslo_concurrency": {"lock_path": str(_state(stack) / "locks")},
    }


def _ml2(stack: Stack) -> conf_files.Sections:
    return {
        "ml2": {
            "type_drivers": "local,flat,vlan",
            "tenant_network_types": "local",
            "mechanism_drivers": _DRIVER,
            "extension_drivers": "port_security",
        },
        "ml2_type_flat": {"flat_networks": stack.settings["PUBLIC_PHYSICAL_NETWORK"]},
    }


def _conf_dir(stack: Stack) -> Path:
    return stack.settings.path("NEUTRON_CONF_DIR")


def _state(stack: Stack) -> Path:
    return stack.data_dir / "neutron" / "state"
