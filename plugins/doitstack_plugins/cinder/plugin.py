"""Cinder: its API, scheduler and volume service, with a back end that keeps no data.

The back end is one of Cinder's own: volumes are made, listed, attached and deleted, and nothing is
behind them. So it needs neither LVM nor root, and no image can be copied into a volume.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from doitstack import Settings, Stack, Step, async_run, async_wait, hookimpl, run, warm
from doitstack.config.dest_directory import discard
from doitstack.private_files import private_directory
from doitstack.uptodate import Unchanged, digest
from doitstack.venvs import Environment, remove
from doitstack_plugins.backing import mariadb, rabbitmq
from doitstack_plugins.keystone import service_accounts
from doitstack_plugins.keystone.admin_api import cloud
from doitstack_plugins.shared import (
    conf_files,
    health,
    ports,
    required_services,
    venvs,
    warm_managers,
)
from doitstack_plugins.shared.uwsgi import WsgiService, serve, wait_until_served

_BACKEND = "fake"
_DRIVER = "cinder.tests.fake_driver.FakeLoggingVolumeDriver"
_DAEMONS = {"c-sch": "cinder-scheduler", "c-vol": "cinder-volume"}


@hookimpl
def source(settings: Settings) -> None:
    """Set the defaults of DevStack's lib/cinder."""
    conf_files.set_address(settings, "CINDER", "8776")
    settings.default("CINDER_CONF_DIR", f"{settings['DATA_DIR']}/cinder/etc")


@hookimpl
def stack_pre_install(stack: Stack) -> Iterator[Step]:
    """See that cinder has what it needs."""
    if stack.is_service_enabled("cinder"):
        yield run(check_cinder, only_looks=True)


@hookimpl
def stack_install(stack: Stack) -> Iterator[Step]:
    """Install cinder and make its database, which needs no other service."""
    if not stack.is_service_enabled("cinder"):
        return
    current = environment(stack).is_current
    first = venvs.first(stack)
    yield async_run("install_cinder", install_cinder, wait=first, uptodate=[current])
    yield async_run(
        "init_cinder",
        init_cinder,
        wait=["install_cinder", *mariadb.waits(stack)],
        uptodate=[Unchanged(partial(schema, stack))],
    )


@hookimpl
def stack_post_config(stack: Stack) -> Iterator[Step]:
    """Configure cinder and make its accounts."""
    if not stack.is_service_enabled("cinder"):
        return
    yield run(configure_cinder)
    good = Unchanged(partial(accounts, stack))
    yield async_run("create_cinder_accounts", create_cinder_accounts, uptodate=[good])


@hookimpl
def stack_extra(stack: Stack) -> Iterator[Step]:
    """Start cinder, and make the type of its volumes."""
    if not stack.is_service_enabled("cinder"):
        return
    yield async_wait("install_cinder", "init_cinder", "create_cinder_accounts")
    yield async_run("start_cinder", start_cinder)
    good = Unchanged(partial(schema, stack))
    yield async_run(
        "create_volume_types", create_volume_types, wait=["start_cinder"], uptodate=[good]
    )


@hookimpl
def stack_test_config(stack: Stack) -> Iterator[Step]:
    """Have the types of volumes before tests are pointed at them."""
    if stack.is_service_enabled("cinder"):
        yield async_wait("create_volume_types")


@hookimpl
def unstack(stack: Stack) -> Iterator[Step]:
    """Stop cinder, also one that an earlier ENABLED_SERVICES has started."""
    yield run(stop_cinder)


@hookimpl
def clean(stack: Stack) -> Iterator[Step]:
    """Remove what cinder made."""
    yield run(clean_cinder)


def environment(stack: Stack) -> Environment:
    """Return cinder's virtual environment."""
    # The back end lies among cinder's tests, which need one package more.
    return venvs.service_environment(stack, "cinder", "cinder", "fixtures")


def check_cinder(stack: Stack) -> None:
    """Raise where cinder cannot be served, or lacks a service."""
    checks = [partial(required_services.check, stack, "cinder", "key", "mysql", "rabbit")]
    if stack.is_service_enabled("c-api"):
        checks.append(partial(ports.check_api, stack, "c-api", "CINDER"))
    required_services.check_all(*checks)


def install_cinder(stack: Stack) -> None:
    """Make the environment."""
    venvs.install(stack, environment(stack))
    warm.offer(stack, _manager(stack))


def configure_cinder(stack: Stack) -> None:
    """Write cinder.conf (0600)."""
    conf_files.write(_conf_file(stack), _conf(stack))
    private_directory(_state(stack))


def create_cinder_accounts(stack: Stack) -> None:
    """Make cinder's user and its place in the catalog."""
    url = f"{stack.settings['CINDER_SERVICE_URI']}/v3"
    service_accounts.create(stack, "cinder", "block-storage", "cinder", url)


def init_cinder(stack: Stack) -> None:
    """Make the database, or bring it up to the installed version."""
    configure_cinder(stack)
    with mariadb.migrating(stack, "cinder"):
        warm.call(stack, _manager(stack), f"--config-file={_conf_file(stack)}", "db", "sync")


def start_cinder(stack: Stack) -> None:
    """Have all of cinder run, anew what runs from anything else than is there now, and answer."""
    if stack.is_service_enabled("c-api"):
        serve(stack, _service(stack))
    for name in _daemons(stack):
        argv = [environment(stack).program(_DAEMONS[name]), f"--config-file={_conf_file(stack)}"]
        with stack.timed("run_process"):
            stack.run_process(name, argv, env=_environ(stack), wait=False)
    if stack.is_service_enabled("c-api"):
        _wait_until_ready(stack)


def _wait_until_ready(stack: Stack) -> None:
    """Wait until the API answers and the daemons have reported themselves to it."""
    wait_until_served(stack, _service(stack), "/", "versions")
    with cloud(stack) as connection:
        for name in _daemons(stack):
            started = stack.services.started(name)
            is_up = partial(_is_reported, connection.block_storage, _DAEMONS[name], started)
            health.wait_until(stack, name, is_up)


def create_volume_types(stack: Stack) -> None:
    """Make the type of the volumes of the back end; nothing changes if it is there already."""
    if not stack.is_service_enabled("c-api"):
        return
    with cloud(stack) as connection, stack.timed("osc"):
        storage = connection.block_storage
        if all(one.name != _BACKEND for one in storage.types()):
            specs = {"volume_backend_name": _BACKEND}
            storage.create_type(name=_BACKEND, extra_specs=specs)


def stop_cinder(stack: Stack) -> None:
    """Stop cinder; nothing happens if it does not run."""
    stack.stop_process("c-api", *_DAEMONS)


def clean_cinder(stack: Stack) -> None:
    """Remove the environment, the configuration and the state."""
    remove(environment(stack))
    warm.withdraw(stack, _manager(stack).name)
    discard(stack.settings, _conf_file(stack).parent, stack.data_dir / "cinder")


def accounts(stack: Stack) -> str:
    """Return what the accounts were made from."""
    return service_accounts.key(stack, stack.settings["CINDER_SERVICE_URI"])


def schema(stack: Stack) -> str:
    """Return what the schema was made from: the installed version and the database."""
    return digest(environment(stack).digest(), mariadb.schema_key(stack, "cinder"))


def _manager(stack: Stack) -> warm.Program:
    modules = ("cinder.cmd.manage", "cinder.objects.*", "cinder.service")
    return warm_managers.manager(stack, environment(stack), "cinder-manage", *modules)


def _daemons(stack: Stack) -> list[str]:
    return [name for name in _DAEMONS if stack.is_service_enabled(name)]


def _is_reported(storage: Any, binary: str, started: int) -> bool:
    return any(health.has_reported(one, started) for one in storage.services(binary=binary))


def _service(stack: Stack) -> WsgiService:
    host = stack.settings["CINDER_SERVICE_HOST"]
    port = stack.settings.port("CINDER_SERVICE_PORT")
    # uWSGI takes words apart at spaces, which a path may have.
    options = ("--chdir", str(_conf_file(stack).parent), "--pyargv", "--config-file=cinder.conf")
    module = "cinder.wsgi.api:application"
    return WsgiService(
        "c-api", module, environment(stack), host, port, _environ(stack), options=options
    )


def _environ(stack: Stack) -> dict[str, str]:
    # Nobody reads the generation: another value restarts the process.
    generation = digest(schema(stack), accounts(stack), conf_files.text(_conf(stack)))
    return {**venvs.environ(stack), "CINDER_GENERATION": generation}


def _conf(stack: Stack) -> conf_files.Sections:
    state, etc = _state(stack), environment(stack).path / "etc/cinder"
    return {
        "DEFAULT": {
            "host": stack.settings["SERVICE_HOST"],
            "my_ip": stack.settings["HOST_IP"],
            "transport_url": rabbitmq.url(stack),
            "enabled_backends": _BACKEND,
            "default_volume_type": _BACKEND,
            "state_path": str(state),
            # It reports for the first time after so long, once the scheduler has heard of it.
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


def _conf_file(stack: Stack) -> Path:
    return stack.settings.path("CINDER_CONF_DIR") / "cinder.conf"


def _state(stack: Stack) -> Path:
    return stack.data_dir / "cinder" / "state"
