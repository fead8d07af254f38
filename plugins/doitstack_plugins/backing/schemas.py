"""Schemas of databases that outlive stacks: what migrations end in is kept, and loaded instead.

Importing a program and all its migrations takes seconds of CPU time, loading a schema a tenth of
one. A schema is kept right after the migrations of a new database, before anything else is in it.
Its key names all that it follows from; what changes afterwards is left to the migrations.
"""

import shutil
from collections.abc import Callable
from contextlib import closing

from doitstack import Stack
from doitstack.config.cache_directories import SCHEMAS
from doitstack.errors import CommandError, StepError
from doitstack.uptodate import digest
from doitstack_plugins.backing import mariadb
from doitstack_plugins.shared.optional_cache import OptionalCache

_SERVER = "/usr/sbin/mariadbd"

_DUMP = (
    *("mariadb-dump", "--single-transaction", "--skip-dump-date", "--skip-comments", "--hex-blob"),
    "--routines",
)

MAX_BYTES = 128 << 20
"""The size to which the cache is pruned; a schema has at most some hundred kB."""


def migrate(stack: Stack, name: str, source: str, run: Callable[[], None]) -> None:
    """Give the database `name` its schema: the kept one of `source` if it is new, else by `run`.

    Call it in `mariadb.migrating`. An empty `source` is unknown: `run` is called.
    """
    key = "" if mariadb.database_id(stack, name) else _key(stack, name, source)
    schema = OptionalCache(stack, SCHEMAS).load(key)
    if schema and _load(stack, name, schema):
        return
    run()
    if key:
        _keep(stack, key, name)


def is_kept(stack: Stack, name: str, source: str) -> bool:
    """Return whether `migrate` will find a schema, so that `run` is not needed."""
    key = "" if mariadb.database_id(stack, name) else _key(stack, name, source)
    return OptionalCache(stack, SCHEMAS).has(key)


def dump(stack: Stack, name: str) -> bytes:
    """Return the content of the database `name`: SQL, or a file of SQLite.

    Raises CommandError, StepError.
    """
    if mariadb.is_mysql(stack):
        return stack.output_of(mariadb.client(stack, *_DUMP, name)).encode()
    import sqlite3  # noqa: PLC0415 - not for every `doit list`

    try:
        with closing(sqlite3.connect(mariadb.sqlite_file(stack, name))) as connection:
            return connection.serialize()
    except sqlite3.Error as error:
        raise StepError(str(error)) from error


def _load(stack: Stack, name: str, schema: bytes) -> bool:
    """Return whether the empty database `name` has now this content; if not, it is empty."""
    if not mariadb.is_mysql(stack):
        mariadb.sqlite_file(stack, name).write_bytes(schema)
        return True
    try:
        stack.run(mariadb.client(stack, "mariadb", "--batch", name), stdin=schema)
    except CommandError as error:
        stack.say(f"cannot load the schema of {name} that was kept ({error}), so it is migrated")
        mariadb.make(stack, name)
        return False
    return True


def _keep(stack: Stack, key: str, name: str) -> None:
    try:
        schema = dump(stack, name)
    except (CommandError, StepError) as error:
        stack.say(f"the schema of {name} is not kept: {error}")
        return
    OptionalCache(stack, SCHEMAS).keep(key, schema, max_bytes=MAX_BYTES)


def _key(stack: Stack, name: str, source: str) -> str:
    """Return the key of the schema; empty if it is not known, or nothing is to be kept."""
    server = _server(stack)
    if not source or not server or not stack.settings.is_true("KEEP_SCHEMAS", default=True):
        return ""
    return digest(name, source, server)


def _server(stack: Stack) -> str:
    """Return kind and version of the database server; empty if it is not yet installed."""
    if not mariadb.is_mysql(stack):
        import sqlite3  # noqa: PLC0415 - not for every `doit list`

        return f"SQLite {sqlite3.sqlite_version}"
    return stack.output_of([_SERVER, "--version"]) if shutil.which(_SERVER) else ""
