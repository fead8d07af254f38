"""The databases of services: MariaDB as the service `mysql`, else files of SQLite.

MariaDB is a private process, with its data, socket and passwords below `$DATA_DIR/mysql`.
A database has an id, which is written when its schema is complete. Without an id it is recreated.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

from doitstack import Settings, Stack, Step, async_run, async_wait, hookimpl, run
from doitstack.config.addresses import socket_host, url_host
from doitstack.config.settings import SettingCheck
from doitstack.errors import SettingsError
from doitstack.private_files import private_directory, write_private
from doitstack.uptodate import digest
from doitstack_plugins.backing import debian_packages, memcached
from doitstack_plugins.shared import health, ports, required_services, subnode

_FUTURE = "start_mysql"
_PASSWORD = "DATABASE_PASSWORD"  # noqa: S105 - its name, not the password
_NAME = r"[A-Za-z0-9_]+"
_STOP_SECONDS = 60
"""If it is killed while it writes its pages, it has to recover."""

_SERVER = """\
[client]
protocol=tcp
host={host}
port={port}
user={user}
password="{password}"

[mysqld]
user={owner}
datadir="{root}/data"
socket=mysqld.sock
pid-file=mysqld.pid
tmpdir="{root}/tmp"
init-file="{root}/init.sql"
bind-address={host}
port={port}
skip-name-resolve
max_connections=1024
character-set-server=utf8mb3
collation-server=utf8mb3_general_ci
innodb_buffer_pool_size=256M
innodb_log_file_size=32M
performance_schema=OFF
# A development stack that loses its power is stacked again.
innodb_flush_log_at_trx_commit=0
innodb_doublewrite=0
innodb_flush_method=nosync
"""

_USERS = """\
DELETE FROM mysql.global_priv WHERE User IN ('', 'root') AND Host <> 'localhost';
FLUSH PRIVILEGES;
ALTER USER 'root'@'localhost' IDENTIFIED BY '{password}';
CREATE USER IF NOT EXISTS '{user}'@'%';
ALTER USER '{user}'@'%' IDENTIFIED BY '{password}';
GRANT ALL PRIVILEGES ON *.* TO '{user}'@'%' WITH GRANT OPTION;
"""
"""Run by the server before it listens, so that no login works without the password."""


def _check_word(settings: Settings, name: str) -> None:
    """Raise SettingsError if the files of MariaDB cannot hold a value, which may be a password."""
    if set(settings[name]) & set("'\"\\"):
        raise SettingsError(f"{name} takes no quote and no backslash; set another")


def _if_mysql(check: SettingCheck) -> SettingCheck:
    """Return `check` for settings that only MariaDB uses; SQLite does not."""

    def checked(settings: Settings, name: str) -> None:
        if settings.is_service_enabled("mysql"):
            check(settings, name)

    return checked


checked_settings = {
    "DATABASE_HOST": _if_mysql(Settings.host),
    "DATABASE_PORT": _if_mysql(Settings.port),
    **dict.fromkeys((_PASSWORD, "DATABASE_USER"), _if_mysql(_check_word)),
    "RECREATE_DB": Settings.is_true,
    "KEEP_SCHEMAS": Settings.is_true,
}


@hookimpl
def source(settings: Settings) -> None:
    """Set where the database listens, and its user."""
    # DevStack's older name comes first.
    settings.default("DATABASE_HOST", settings.get("MYSQL_HOST", settings["SERVICE_HOST"]))
    settings.default("DATABASE_PORT", "13306")
    settings.default("DATABASE_USER", "root")


@hookimpl
def stack_pre_install(stack: Stack) -> Iterator[Step]:
    """Check that MariaDB can listen."""
    if _is_here(stack):
        yield run(check_mysql, only_looks=True)


@hookimpl
def stack_install(stack: Stack) -> Iterator[Step]:
    """Start it once its package is there; with RECREATE_DB, forget the databases."""
    if stack.settings.is_true("RECREATE_DB"):
        yield run(forget_databases)
    if _is_here(stack):
        yield async_run(_FUTURE, start_mysql, wait=[debian_packages.FUTURE])


@hookimpl
def stack_post_config(stack: Stack) -> Iterator[Step]:
    """Wait for it before services are configured."""
    if _is_here(stack):
        yield async_wait(_FUTURE)


@hookimpl
def unstack(stack: Stack) -> Iterator[Step]:
    """Stop it; the data stay."""
    yield run(stop_mysql)


@hookimpl
def clean(stack: Stack) -> Iterator[Step]:
    """Remove the data."""
    yield run(clean_databases)


def is_mysql(stack: Stack) -> bool:
    """Return whether databases are in MariaDB: here, or on the controller of this subnode."""
    return _is_here(stack) or subnode.is_subnode(stack.settings)


def _is_here(stack: Stack) -> bool:
    return stack.is_service_enabled("mysql")


def waits(stack: Stack) -> list[str]:
    """Return the futures to wait for before using a database."""
    return [_FUTURE] if _is_here(stack) else []


def url(stack: Stack, name: str) -> str:
    """Return the URL by which SQLAlchemy reaches the database `name`; it holds the password."""
    if not is_mysql(stack):
        return f"sqlite:///{sqlite_file(stack, name)}"
    settings = stack.settings
    user, password = settings["DATABASE_USER"], quote(stack.password(_PASSWORD), safe="")
    address = f"{url_host(settings['DATABASE_HOST'])}:{settings.port('DATABASE_PORT')}"
    return f"mysql+pymysql://{user}:{password}@{address}/{_checked(name)}"


def options(stack: Stack, name: str) -> dict[str, str]:
    """Return the options of oslo.db by which a service uses the database `name`."""
    # As with MariaDB: a stack that loses its power is stacked again. Loading glance's definitions
    # alone would wait 700 times for the disk.
    quick = {} if is_mysql(stack) else {"sqlite_synchronous": "false"}
    return {"connection": url(stack, name), **quick}


def create(stack: Stack, name: str) -> None:
    """Make the database `name` unless it is there; with RECREATE_DB it is recreated once a run."""
    with migrating(stack, name):
        pass


@contextmanager
def migrating(stack: Stack, name: str) -> Iterator[None]:
    """Migrate the database `name` in this context; it is created if it does not exist.

    If the first migration of a database fails, the next run recreates it.
    """
    make(stack, name)
    with stack.timed("dbsync"):
        yield
    if not database_id(stack, name):
        write_private(_id_file(stack, name), os.urandom(32).hex() + "\n")
        memcached.empty(stack)  # it may contain ids of an earlier database


def database_id(stack: Stack, name: str) -> str:
    """Return the id of the database `name`; empty if it does not exist or is incomplete."""
    found = (
        _directory(stack, name).is_dir() if is_mysql(stack) else sqlite_file(stack, name).is_file()
    )
    if not found or not _id_file(stack, name).is_file():
        return ""
    return _id_file(stack, name).read_text(encoding="utf-8")


def sqlite_file(stack: Stack, name: str) -> Path:
    """Return the file of the database `name` if databases are in SQLite."""
    return stack.data_dir / _checked(name) / f"{name}.db"


def schema_key(stack: Stack, name: str) -> str:
    """Return what identifies the database `name`: where it is, and which one it is."""
    return digest(url(stack, name), database_id(stack, name))


def forget_databases(stack: Stack) -> None:
    """Forget all databases, so that each is recreated by its next migration."""
    shutil.rmtree(_ids(stack), ignore_errors=True)


def make(stack: Stack, name: str) -> None:
    """Make the database `name` unless it is there; without an id it is recreated, empty."""
    if not database_id(stack, name):
        drop(stack, name)
    if is_mysql(stack):
        execute(stack, f"CREATE DATABASE IF NOT EXISTS `{_checked(name)}` CHARACTER SET utf8mb3;")
    elif not sqlite_file(stack, name).exists():
        write_private(sqlite_file(stack, name), "")  # so that it is 0600


def drop(stack: Stack, name: str) -> None:
    """Remove the database `name`; nothing happens if there is none."""
    _id_file(stack, name).unlink(missing_ok=True)
    if is_mysql(stack):
        execute(stack, f"DROP DATABASE IF EXISTS `{_checked(name)}`;")
        return
    for suffix in ("", "-journal", "-wal", "-shm"):
        path = sqlite_file(stack, name)
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def execute(stack: Stack, sql: str) -> None:
    """Run `sql` in MariaDB."""
    stack.run(client(stack, "mariadb", "--batch"), stdin=sql.encode())


def client(stack: Stack, program: str, *words: str) -> list[str]:
    """Return the command by which a client program of MariaDB reaches it, without a password."""
    return [program, _defaults_file(stack), *words]


def check_mysql(stack: Stack) -> None:
    """Raise an error if MariaDB cannot listen, or its files cannot hold the password."""
    required_services.check_settings(stack, checked_settings)
    ports.check_port(stack, "mysql", stack.settings["DATABASE_HOST"], "DATABASE_PORT")


def start_mysql(stack: Stack) -> None:
    """Start MariaDB, make its data directory if needed, and wait for its answer."""
    config, users = _texts(stack)
    write_private(_root(stack) / "my.cnf", config)
    write_private(_root(stack) / "init.sql", users)
    private_directory(_root(stack) / "tmp")
    if not (_root(stack) / "data").is_dir():
        _make_data(stack)
    argv = ["/usr/sbin/mariadbd", _defaults_file(stack)]
    with stack.timed("run_process"):
        # Nothing reads the variable: another value restarts the server.
        generation = {"MYSQL_GENERATION": digest(config, users)}
        stack.run_process("mysql", argv, env=generation, wait=False, stop_seconds=_STOP_SECONDS)
    health.wait_until(stack, "mysql", partial(_is_answering, stack))


def stop_mysql(stack: Stack) -> None:
    """Stop MariaDB."""
    stack.stop_process("mysql")


def clean_databases(stack: Stack) -> None:
    """Remove MariaDB's data, and the ids of all databases."""
    shutil.rmtree(_root(stack), ignore_errors=True)
    forget_databases(stack)


def _make_data(stack: Stack) -> None:
    """Make the data directory under another name, so that an incomplete one is never used."""
    new = _root(stack) / "data.new"
    shutil.rmtree(new, ignore_errors=True)
    options = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
    words = ["mariadb-install-db", _defaults_file(stack), f"--datadir={new}", *options]
    stack.run(words)
    new.chmod(0o700)
    new.rename(_root(stack) / "data")


def _is_answering(stack: Stack) -> bool:
    words = client(stack, "mariadb", "--batch")
    done = subprocess.run(words, input=b"SELECT 1;", capture_output=True, check=False)
    return done.returncode == 0 and done.stdout.split() == [b"1", b"1"]


def _texts(stack: Stack) -> tuple[str, str]:
    """Return the server's configuration, and the statements that make its users."""
    from getpass import getuser  # noqa: PLC0415 - it imports termios

    values = {
        "host": socket_host(stack.settings["DATABASE_HOST"]),
        "port": stack.settings.port("DATABASE_PORT"),
        "user": stack.settings["DATABASE_USER"],
        "password": stack.password(_PASSWORD),
        "owner": getuser(),
        "root": _root(stack),
    }
    return _SERVER.format_map(values), _USERS.format_map(values)


def _defaults_file(stack: Stack) -> str:
    return f"--defaults-file={_root(stack) / 'my.cnf'}"


def _root(stack: Stack) -> Path:
    return stack.data_dir / "mysql"


def _directory(stack: Stack, name: str) -> Path:
    return _root(stack) / "data" / _checked(name)


def _ids(stack: Stack) -> Path:
    return stack.data_dir / "databases"


def _id_file(stack: Stack, name: str) -> Path:
    return _ids(stack) / f"{'mysql' if is_mysql(stack) else 'sqlite'}-{_checked(name)}"


def _checked(name: str) -> str:
    if not re.fullmatch(_NAME, name):
        raise SettingsError(f"bad name for a database: {name!r}; use letters, digits and '_'")
    return name
