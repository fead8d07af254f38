"""Keystone: installed, configured, bootstrapped, served, with DevStack's accounts.

Its database is SQLite, its configuration and keys are in KEYSTONE_CONF_DIR.
"""

import base64
import secrets
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from doitstack import Settings, Stack, Step, hookimpl, run
from doitstack.environments import Environment, remove
from doitstack.errors import SettingsError
from doitstack.files import private_directory, write_private
from doitstack.uptodate import Unchanged, digest
from doitstack_plugins import packages
from doitstack_plugins.clouds import clouds_yaml, openrc, write_clouds
from doitstack_plugins.identity import ADMIN_PASSWORD, import_sdk, set_defaults
from doitstack_plugins.keystone_accounts import account_steps
from doitstack_plugins.wsgi import WsgiService, check_port, serve, wait_until_served

_CONF = """\
[DEFAULT]
public_endpoint = {uri}

[database]
connection = {connection}

[token]
provider = fernet

[fernet_tokens]
key_repository = {conf_dir}/fernet-keys

[fernet_receipts]
key_repository = {conf_dir}/fernet-keys

[credential]
key_repository = {conf_dir}/credential-keys

[identity]
# The default takes 0.4 s of CPU for each password that is checked.
password_hash_rounds = 4

[cache]
# One process serves it, so its own memory is all the cache it needs.
enabled = true
backend = dogpile.cache.memory
"""


@hookimpl
def source(settings: Settings) -> None:
    """Set the defaults of DevStack's lib/keystone."""
    set_defaults(settings)


@hookimpl
def stack_pre_install(stack: Stack) -> Iterator[Step]:
    """See that keystone can be served where it should be."""
    if stack.is_service_enabled("key"):
        yield run(check_keystone_port)


@hookimpl
def stack_install(stack: Stack) -> Iterator[Step]:
    """Install keystone, what serves it, and the `openstack` command."""
    if stack.is_service_enabled("key"):
        yield run(install_keystone, uptodate=[environment(stack).is_current])


@hookimpl
def stack_post_config(stack: Stack) -> Iterator[Step]:
    """Configure, bootstrap and serve keystone, then make the accounts."""
    if not stack.is_service_enabled("key"):
        return
    yield run(configure_keystone)
    yield run(fernet_setup, uptodate=[partial(has_keys, stack, "fernet")])
    yield run(credential_setup, uptodate=[partial(has_keys, stack, "credential")])
    yield run(init_keystone, uptodate=[Unchanged(partial(schema, stack))])
    # It starts up while the next two work; the accounts' futures are forked with the SDK in memory.
    yield run(start_keystone)
    yield run(bootstrap_keystone, uptodate=[Unchanged(partial(generation, stack))])
    yield run(import_sdk, uptodate=[Unchanged(partial(generation, stack))])
    yield run(wait_for_keystone)
    yield from account_steps(lambda: Unchanged(partial(generation, stack)))
    yield run(write_clouds)


@hookimpl
def unstack(stack: Stack) -> Iterator[Step]:
    """Stop keystone, also one that an earlier ENABLED_SERVICES has started."""
    yield run(stop_keystone)


@hookimpl
def clean(stack: Stack) -> Iterator[Step]:
    """Remove what keystone made."""
    yield run(clean_keystone)


def environment(stack: Stack) -> Environment:
    """Return keystone's virtual environment."""
    return packages.environment(stack, "keystone", "keystone", "python-openstackclient", "pyuwsgi")


def check_keystone_port(stack: Stack) -> None:
    """Raise where keystone cannot be served: another's port, or TLS."""
    protocol = stack.settings["KEYSTONE_SERVICE_PROTOCOL"]
    if protocol != "http":
        raise SettingsError(f"KEYSTONE_SERVICE_PROTOCOL={protocol}: only http is served; set http")
    check_port(stack, _service(stack), "KEYSTONE_SERVICE_PORT")


def install_keystone(stack: Stack) -> None:
    """Make the environment, and put its `openstack` where openrc finds it."""
    packages.install(stack, environment(stack))
    link = private_directory(stack.dest / "bin") / "openstack"
    link.unlink(missing_ok=True)
    link.symlink_to(environment(stack).program("openstack"))


def configure_keystone(stack: Stack) -> None:
    """Write keystone.conf (0600)."""
    write_private(_conf_dir(stack) / "keystone.conf", _conf(stack))


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
    """Make the database, or bring it up to the installed version.

    A database is believed once its first migration has ended well; then it gets its id.
    """
    if not database_id(stack):
        _remove_database(stack)
        write_private(_database(stack), "")  # so that it is 0600
    with stack.timed("dbsync"):
        _manage(stack, "db_sync")
    if not database_id(stack):
        write_private(_database_id(stack), secrets.token_hex() + "\n")


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
    _manage(stack, "bootstrap", *words, env=secret)


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
    for directory in ("fernet-keys", "credential-keys"):
        shutil.rmtree(_conf_dir(stack) / directory, ignore_errors=True)
    files = (_conf_dir(stack) / "keystone.conf", stack.dest / "bin" / "openstack")
    for path in (*files, clouds_yaml(stack), openrc(stack)):
        path.unlink(missing_ok=True)
    shutil.rmtree(_database(stack).parent, ignore_errors=True)


def database_id(stack: Stack) -> str:
    """Return what tells this database from any other; empty where there is no whole database."""
    if not _database(stack).is_file() or not _database_id(stack).is_file():
        return ""
    return _database_id(stack).read_text(encoding="utf-8")


def schema(stack: Stack) -> str:
    """Return what the schema was made from: the installed version and the database."""
    return digest(environment(stack).digest(), database_id(stack))


def generation(stack: Stack) -> str:
    """Return what the accounts were made from, and what a running keystone must be made from."""
    return digest(schema(stack), _conf(stack), stack.password(ADMIN_PASSWORD), _named(stack))


def _named(stack: Stack) -> str:
    names = ("KEYSTONE_SERVICE_URI", "REGION_NAME", "SERVICE_PROJECT_NAME", "SERVICE_DOMAIN_NAME")
    return digest(*(stack.settings[name] for name in names))


def _service(stack: Stack) -> WsgiService:
    env = {
        **packages.environ(stack),
        "OS_KEYSTONE_CONFIG_DIR": str(_conf_dir(stack)),
        "OS_KEYSTONE_CONFIG_FILES": "keystone.conf",
        # Nobody reads it: another value restarts the service, and so empties its cache.
        "KEYSTONE_GENERATION": generation(stack),
    }
    host, port = (
        stack.settings["KEYSTONE_SERVICE_HOST"],
        stack.settings.port("KEYSTONE_SERVICE_PORT"),
    )
    return WsgiService(
        "keystone", "keystone.wsgi.api:application", environment(stack), host, port, env
    )


def _make_keys(stack: Stack, kind: str) -> None:
    """Make a primary and a staged key, as `keystone-manage fernet_setup` would in 3 s of CPU."""
    for number in "10":
        key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        write_private(_conf_dir(stack) / f"{kind}-keys" / number, key)


def _manage(stack: Stack, *arguments: str, env: dict[str, str] | None = None) -> None:
    conf = _conf_dir(stack) / "keystone.conf"
    program = environment(stack).program("keystone-manage")
    environ = {**packages.environ(stack), **(env or {})}
    stack.run([program, "--config-file", str(conf), *arguments], env=environ)


def _conf(stack: Stack) -> str:
    values = {
        "uri": stack.settings["KEYSTONE_SERVICE_URI"],
        "connection": f"sqlite:///{_database(stack)}",
        "conf_dir": str(_conf_dir(stack)),
    }
    # oslo.config takes a $ for the name of another option.
    return _CONF.format_map({name: value.replace("$", "$$") for name, value in values.items()})


def _conf_dir(stack: Stack) -> Path:
    return stack.settings.path("KEYSTONE_CONF_DIR")


def _database(stack: Stack) -> Path:
    return stack.data_dir / "keystone" / "keystone.db"


def _database_id(stack: Stack) -> Path:
    return _database(stack).with_name("database.id")


def _remove_database(stack: Stack) -> None:
    for name in ("database.id", "keystone.db", "keystone.db-journal"):
        _database(stack).with_name(name).unlink(missing_ok=True)
