"""Keystone: installed, configured, bootstrapped, served, with DevStack's accounts.

Its configuration and keys are in KEYSTONE_CONF_DIR.
"""

import base64
import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from doitstack import Settings, Stack, Step, async_run, async_wait, hookimpl, run, warm
from doitstack.config.dest_directory import discard
from doitstack.errors import SettingsError
from doitstack.private_files import write_private
from doitstack.uptodate import Unchanged, digest
from doitstack.venvs import Environment, remove
from doitstack_plugins.backing import mariadb, memcached
from doitstack_plugins.keystone import openstack_command
from doitstack_plugins.keystone.accounts import account_steps
from doitstack_plugins.keystone.admin_api import ADMIN_PASSWORD, import_sdk, set_defaults
from doitstack_plugins.keystone.clouds import clouds_yaml, openrc, write_clouds
from doitstack_plugins.shared import conf_files, ports, venvs, warm_managers
from doitstack_plugins.shared.uwsgi import WsgiService, serve, wait_until_served


@hookimpl
def source(settings: Settings) -> None:
    """Set the defaults of DevStack's lib/keystone."""
    set_defaults(settings)


@hookimpl
def stack_pre_install(stack: Stack) -> Iterator[Step]:
    """See that keystone can be served where it should be."""
    if stack.is_service_enabled("key"):
        yield run(check_keystone_port, only_looks=True)


@hookimpl
def stack_install(stack: Stack) -> Iterator[Step]:
    """Install keystone, what serves it, and the `openstack` command."""
    if stack.is_service_enabled("key"):
        here = environment(stack)
        yield async_run(venvs.FIRST, install_keystone, uptodate=[here.is_current])
        yield run(partial(openstack_command.put_openstack, environment=here))
        start = partial(openstack_command.warm_openstack, environment=here)
        yield async_run("warm_openstack", start, wait=[venvs.FIRST])


@hookimpl
def stack_post_config(stack: Stack) -> Iterator[Step]:
    """Configure, bootstrap and serve keystone, then make the accounts."""
    if not stack.is_service_enabled("key"):
        return
    yield run(configure_keystone)
    yield run(fernet_setup, uptodate=[partial(has_keys, stack, "fernet")])
    yield run(credential_setup, uptodate=[partial(has_keys, stack, "credential")])
    yield async_wait(venvs.FIRST)
    yield run(init_keystone, uptodate=[Unchanged(partial(schema, stack))])
    # It starts up while the next two work; the accounts' futures are forked with the SDK in memory.
    yield run(start_keystone)
    yield run(bootstrap_keystone, uptodate=[Unchanged(partial(generation, stack))])
    yield run(import_sdk, uptodate=[Unchanged(partial(generation, stack))])
    yield run(wait_for_keystone)
    yield from account_steps(lambda: Unchanged(partial(generation, stack)))
    yield run(write_clouds)


@hookimpl
def stack_test_config(stack: Stack) -> Iterator[Step]:
    """See that the server of the `openstack` command has been started."""
    if stack.is_service_enabled("key"):
        yield async_wait("warm_openstack")


@hookimpl
def unstack(stack: Stack) -> Iterator[Step]:
    """Stop keystone, also one that an earlier ENABLED_SERVICES has started."""
    yield run(stop_keystone)


@hookimpl
def clean(stack: Stack) -> Iterator[Step]:
    """Remove what keystone made."""
    yield run(clean_keystone)


def environment(stack: Stack) -> Environment:
    """Return keystone's virtual environment, with the `openstack` command for all services."""
    command = ("python-openstackclient", "osc-placement")
    return venvs.service_environment(stack, "keystone", "keystone", *command)


def check_keystone_port(stack: Stack) -> None:
    """Raise where keystone cannot be served: another's port, or TLS."""
    protocol = stack.settings["KEYSTONE_SERVICE_PROTOCOL"]
    if protocol != "http":
        raise SettingsError(f"KEYSTONE_SERVICE_PROTOCOL={protocol}: only http is served; set http")
    ports.check_api(stack, "keystone", "KEYSTONE")


def install_keystone(stack: Stack) -> None:
    """Make the environment."""
    venvs.install(stack, environment(stack))
    warm.offer(stack, _manager(stack))


def configure_keystone(stack: Stack) -> None:
    """Write keystone.conf (0600)."""
    conf_files.write(_conf_dir(stack) / "keystone.conf", _conf(stack))


def fernet_setup(stack: Stack) -> None:
    """Make the keys of tokens."""
    _make_keys(stack, "fernet")


def credential_setup(stack: Stack) -> None:
    """Make the keys of stored credentials."""
    _make_keys(stack, "credential")


def has_keys(stack: Stack, kind: str) -> bool:
    """Return whether the `fernet` or `credential` keys are there, staged and primary."""
    return all((_conf_dir(stack) / f"{kind}-keys" / number).is_file() for number in "01")


def init_keystone(stack: Stack) -> None:
    """Make the database, or bring it up to the installed version."""
    with mariadb.migrating(stack, "keystone"):
        _manage(stack, "db_sync")


def bootstrap_keystone(stack: Stack) -> None:
    """Make the administrator, the first roles, and keystone's own endpoint."""
    settings = stack.settings
    # By the environment: a command line can be read by everybody.
    secret = {"OS_BOOTSTRAP_PASSWORD": stack.password(ADMIN_PASSWORD)}
    arguments = {
        "username": "admin",
        "project-name": "admin",
        "role-name": "admin",
        "service-name": "keystone",
        "region-id": settings["REGION_NAME"],
        "public-url": settings["KEYSTONE_SERVICE_URI"],
    }
    words = [f"--bootstrap-{name}={value}" for name, value in arguments.items()]
    _manage(stack, "bootstrap", *words, **secret)


def start_keystone(stack: Stack) -> None:
    """Have keystone served; anew, if it runs from anything else than what is there now."""
    serve(stack, _service(stack))


def wait_for_keystone(stack: Stack) -> None:
    """Wait until keystone answers; raise ServiceError with its log when it does not."""
    wait_until_served(stack, _service(stack), "/v3", "version")


def stop_keystone(stack: Stack) -> None:
    """Stop keystone; nothing happens if it does not run."""
    stack.stop_process("keystone")


def clean_keystone(stack: Stack) -> None:
    """Remove the environment, the database, the configuration with its keys, and clouds.yaml."""
    remove(environment(stack))
    warm.withdraw(stack, openstack_command.NAME, _manager(stack).name)
    discard(stack.settings, _conf_dir(stack), stack.data_dir / "keystone")
    discard(stack.settings, clouds_yaml(stack), openrc(stack))


def schema(stack: Stack) -> str:
    """Return what the schema was made from: the installed version and the database."""
    return digest(environment(stack).digest(), mariadb.schema_key(stack, "keystone"))


def generation(stack: Stack) -> str:
    """Return what the accounts were made from, and what a running keystone must be made from."""
    return digest(
        schema(stack),
        conf_files.text(_conf(stack)),
        stack.password(ADMIN_PASSWORD),
        _named(stack),
    )


def _named(stack: Stack) -> str:
    names = ("KEYSTONE_SERVICE_URI", "REGION_NAME", "SERVICE_PROJECT_NAME", "SERVICE_DOMAIN_NAME")
    return digest(*(stack.settings[name] for name in names))


def _service(stack: Stack) -> WsgiService:
    env = {
        **venvs.environ(stack),
        "OS_KEYSTONE_CONFIG_DIR": str(_conf_dir(stack)),
        "OS_KEYSTONE_CONFIG_FILES": "keystone.conf",
        # Nobody reads it: another value restarts the service, and so empties its cache.
        "KEYSTONE_GENERATION": generation(stack),
    }
    return WsgiService(
        "keystone",
        "keystone.wsgi.api:application",
        environment(stack),
        stack.settings["KEYSTONE_SERVICE_HOST"],
        stack.settings.port("KEYSTONE_SERVICE_PORT"),
        env,
        _processes(stack),
    )


def _make_keys(stack: Stack, kind: str) -> None:
    """Make a primary and a staged key, as `keystone-manage fernet_setup` would in 3 s of CPU."""
    for number in "10":
        key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        write_private(_conf_dir(stack) / f"{kind}-keys" / number, key)


def _manage(stack: Stack, *arguments: str, **env: str) -> None:
    conf = _conf_dir(stack) / "keystone.conf"
    warm.call(stack, _manager(stack), "--config-file", conf, *arguments, env=env)


def _manager(stack: Stack) -> warm.Program:
    return warm_managers.manager(
        stack, environment(stack), "keystone-manage", "keystone.cmd.manage"
    )


def _conf(stack: Stack) -> conf_files.Sections:
    keys = f"{_conf_dir(stack)}/fernet-keys"
    return {
        "DEFAULT": {"public_endpoint": stack.settings["KEYSTONE_SERVICE_URI"]},
        "database": mariadb.options(stack, "keystone"),
        "token": {"provider": "fernet"},
        "fernet_tokens": {"key_repository": keys},
        "fernet_receipts": {"key_repository": keys},
        "credential": {"key_repository": f"{_conf_dir(stack)}/credential-keys"},
        # The default takes 0.4 s of CPU for each password that is checked.
        "identity": {"password_hash_rounds": "4"},
        "cache": _cache(stack),
    }


def _cache(stack: Stack) -> dict[str, str]:
    """Return options of the cache: one that its processes share, or the memory of the only one."""
    if _processes(stack) == 1:
        return {"enabled": "true", "backend": "dogpile.cache.memory"}
    servers = {"memcache_servers": memcached.server(stack)}
    return {"enabled": "true", "backend": "oslo_cache.memcache_pool", **servers}


def _processes(stack: Stack) -> int:
    """Return how many processes serve keystone: SQLite is locked for a second writer."""
    return 2 if mariadb.is_mysql(stack) else 1


def _conf_dir(stack: Stack) -> Path:
    return stack.settings.path("KEYSTONE_CONF_DIR")
