"""Placement: its API as the service `placement-api`."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from doitstack import Settings, Stack, Step, async_run, async_wait, hookimpl, run, warm
from doitstack.config.dest_directory import discard
from doitstack.uptodate import Unchanged, digest
from doitstack.venvs import Environment, remove
from doitstack_plugins.backing import mariadb
from doitstack_plugins.keystone import service_accounts
from doitstack_plugins.shared import conf_files, ports, required_services, venvs, warm_managers
from doitstack_plugins.shared.uwsgi import WsgiService, serve, wait_until_served

SERVICE = "placement-api"


@hookimpl
def source(settings: Settings) -> None:
    """Set the defaults of DevStack's lib/placement."""
    conf_files.set_address(settings, "PLACEMENT", "8778")
    settings.default("PLACEMENT_CONF_DIR", f"{settings['DATA_DIR']}/placement/etc")


@hookimpl
def stack_pre_install(stack: Stack) -> Iterator[Step]:
    """See that placement can be served where it should be."""
    if stack.is_service_enabled(SERVICE):
        yield run(check_placement, only_looks=True)


@hookimpl
def stack_install(stack: Stack) -> Iterator[Step]:
    """Install placement and make its database, which needs no other service."""
    if not stack.is_service_enabled(SERVICE):
        return
    current = environment(stack).is_current
    first = venvs.first(stack)
    yield async_run("install_placement", install_placement, wait=first, uptodate=[current])
    yield async_run(
        "init_placement",
        init_placement,
        wait=["install_placement", *mariadb.waits(stack)],
        uptodate=[Unchanged(partial(schema, stack))],
    )


@hookimpl
def stack_post_config(stack: Stack) -> Iterator[Step]:
    """Configure placement and make its accounts."""
    if not stack.is_service_enabled(SERVICE):
        return
    yield run(configure_placement)
    good = Unchanged(partial(accounts, stack))
    yield async_run("create_placement_accounts", create_placement_accounts, uptodate=[good])


@hookimpl
def stack_extra(stack: Stack) -> Iterator[Step]:
    """Have placement served."""
    if not stack.is_service_enabled(SERVICE):
        return
    yield async_wait("install_placement", "init_placement", "create_placement_accounts")
    yield async_run("start_placement", start_placement)


@hookimpl
def unstack(stack: Stack) -> Iterator[Step]:
    """Stop placement, also one that an earlier ENABLED_SERVICES has started."""
    yield run(stop_placement)


@hookimpl
def clean(stack: Stack) -> Iterator[Step]:
    """Remove what placement made."""
    yield run(clean_placement)


def environment(stack: Stack) -> Environment:
    """Return placement's virtual environment."""
    return venvs.service_environment(stack, "placement", "openstack-placement")


def check_placement(stack: Stack) -> None:
    """Raise where placement cannot be served, or lacks a service."""
    required_services.check_all(
        lambda: required_services.check(stack, SERVICE, "key"),
        lambda: ports.check_api(stack, SERVICE, "PLACEMENT"),
    )


def install_placement(stack: Stack) -> None:
    """Make the environment."""
    venvs.install(stack, environment(stack))
    warm.offer(stack, _manager(stack))


def configure_placement(stack: Stack) -> None:
    """Write placement.conf (0600)."""
    conf_files.write(_conf_file(stack), _conf(stack))


def init_placement(stack: Stack) -> None:
    """Make the database, or bring it up to the installed version."""
    configure_placement(stack)
    with mariadb.migrating(stack, "placement"):
        warm.call(stack, _manager(stack), "--config-file", _conf_file(stack), "db", "sync")


def create_placement_accounts(stack: Stack) -> None:
    """Make placement's user and its place in the catalog."""
    url = stack.settings["PLACEMENT_SERVICE_URI"]
    service_accounts.create(stack, "placement", "placement", "placement", url)


def start_placement(stack: Stack) -> None:
    """Have placement served, anew if it runs from anything else than is there now, and answer."""
    service = _service(stack)
    serve(stack, service)
    wait_until_served(stack, service, "/", "versions")


def stop_placement(stack: Stack) -> None:
    """Stop placement; nothing happens if it does not run."""
    stack.stop_process(SERVICE)


def clean_placement(stack: Stack) -> None:
    """Remove the environment, the configuration and an SQLite database."""
    remove(environment(stack))
    warm.withdraw(stack, _manager(stack).name)
    discard(stack.settings, _conf_file(stack).parent, stack.data_dir / "placement")


def schema(stack: Stack) -> str:
    """Return what the schema was made from: the installed version and the database."""
    return digest(environment(stack).digest(), mariadb.schema_key(stack, "placement"))


def accounts(stack: Stack) -> str:
    """Return what the accounts were made from."""
    return service_accounts.key(stack, stack.settings["PLACEMENT_SERVICE_URI"])


def _manager(stack: Stack) -> warm.Program:
    name, module = "placement-manage", "placement.cmd.manage"
    return warm_managers.manager(stack, environment(stack), name, module)


def _service(stack: Stack) -> WsgiService:
    env = {
        **venvs.environ(stack),
        "OS_PLACEMENT_CONFIG_DIR": str(_conf_file(stack).parent),
        # Nobody reads it: another value restarts the service.
        "PLACEMENT_GENERATION": digest(schema(stack), conf_files.read(_conf_file(stack))),
    }
    return WsgiService(
        SERVICE,
        "placement.wsgi.api:application",
        environment(stack),
        stack.settings["PLACEMENT_SERVICE_HOST"],
        stack.settings.port("PLACEMENT_SERVICE_PORT"),
        env,
    )


def _conf(stack: Stack) -> conf_files.Sections:
    return {
        "api": {"auth_strategy": "keystone"},
        "placement_database": mariadb.options(stack, "placement"),
        "oslo_concurrency": {"lock_path": f"{stack.data_dir}/placement/locks"},
        "keystone_authtoken": service_accounts.authtoken_options(stack, "placement"),
    }


def _conf_file(stack: Stack) -> Path:
    return stack.settings.path("PLACEMENT_CONF_DIR") / "placement.conf"
