"""Nova's databases: that of the API, cell0 for servers that never came up, and the cells."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from doitstack import Stack
from doitstack.uptodate import digest
from doitstack_plugins import database, nova_conf, packages

_SAME_AS_OURS = "{scheme}://{username}:{password}@{hostname}:{port}/"
"""Nova fills this in from its own configuration, so that a new password or port reaches cells."""

_EXISTS = 2
"""The code with which create_cell ends where there is such a cell."""


def init_cell(stack: Stack, number: int) -> None:
    """Make the database of a cell, or bring it up to the installed version."""
    name = nova_conf.cell(number) if number else nova_conf.API
    with database.migrating(stack, nova_conf.cell_database(number)):
        _manage(stack, name, ["db", "sync", "--local_cell"])


def init_nova_api(stack: Stack) -> None:
    """Make the API's database, or bring it up to date, and tell it where cell0 is."""
    target = f"--database_connection={_SAME_AS_OURS}{nova_conf.cell_database(0)}"
    with database.migrating(stack, "nova_api"):
        _manage(stack, nova_conf.API, ["api_db", "sync"], ["cell_v2", "map_cell0", target])


def create_cells(stack: Stack) -> None:
    """Bring data into the newest form, and tell the API of its cells."""
    create = (_create_cell(stack, number) for number in nova_conf.cells(stack))
    _manage(stack, nova_conf.API, ["db", "online_data_migrations"], *create)


def discover_hosts(stack: Stack) -> None:
    """Tell the API in which cells the computes are."""
    _manage(stack, nova_conf.API, ["cell_v2", "discover_hosts", "--verbose"])


def cell_schema(stack: Stack, number: int) -> str:
    """Return what the schema of a cell was made from: the installed version and the database."""
    return _schema(stack, nova_conf.cell_database(number))


def api_schema(stack: Stack) -> str:
    """Return what the API's schema was made from."""
    return _schema(stack, "nova_api")


def schemas(stack: Stack) -> str:
    """Return what all of nova's databases were made from."""
    return digest(*map(partial(_schema, stack), nova_conf.database_names(stack)))


def hosts(stack: Stack) -> str:
    """Return what the mapping of hosts was made from."""
    names = (nova_conf.compute_host(stack, number) for number in nova_conf.computes(stack))
    return digest(schemas(stack), stack.settings["NOVA_CPU_CELL"], *names)


def _schema(stack: Stack, name: str) -> str:
    return digest(nova_conf.environment(stack).digest(), database.schema_key(stack, name))


def _create_cell(stack: Stack, number: int) -> list[str]:
    return [
        *("cell_v2", "create_cell", f"--name=cell{number}"),
        f"--database_connection={_SAME_AS_OURS}{nova_conf.cell_database(number)}",
        f"--transport-url={_SAME_AS_OURS}{nova_conf.vhost(stack, number)}",
    ]


def _manage(stack: Stack, name: str, *commands: Sequence[str]) -> None:
    """Run commands of nova-manage, with the configuration `name`, in one program."""
    options = nova_conf.options(stack, name)
    lines = (json.dumps([[*options, *words], _good(words)]) for words in commands)
    program = Path(__file__).with_name("programs") / "nova_manage.py"
    python = nova_conf.environment(stack).python
    stack.run([python, program], env=packages.environ(stack), stdin="\n".join(lines).encode())


def _good(words: Sequence[str]) -> list[int]:
    return [0, _EXISTS] if "create_cell" in words else [0]
