"""What bash configures services with is where the in-tree plugins have it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from doitstack.stack import Stack
from doitstack_plugins.backing import mariadb, memcached, rabbitmq
from tests.unit.recorded_actions import make_stack

PASSWORDS = {"DATABASE_PASSWORD": "dpw", "RABBIT_PASSWORD": "rpw"}


def _stack(top_dir: Path, services: str, **environ: str) -> Stack:
    stack = make_stack(top_dir, ENABLED_SERVICES=services, **PASSWORDS, **environ)
    for plugin in (memcached, mariadb, rabbitmq):
        plugin.source(stack.settings)
    return stack


def _told(bash, settings: Mapping[str, str], script: str) -> list[str]:
    """Return the output of bash with the settings of a run."""
    bash.env |= {name: value for name, value in settings.items() if name.isidentifier()}
    return bash(script).lines


@pytest.mark.parametrize(
    "environ", [{}, {"DATABASE_PORT": "33", "RABBIT_PORT": "44", "MEMCACHED_PORT": "55"}]
)
def test_services_of_bash_use_the_servers_of_the_stack(bash, environ: dict[str, str]) -> None:
    stack = _stack(bash.path, "mysql,rabbit", **environ)
    script = 'database_connection_url x; get_transport_url v; echo "$MEMCACHE_SERVERS"'
    assert _told(bash, stack.settings, script) == [
        f"{mariadb.url(stack, 'x')}?charset=utf8",
        rabbitmq.url(stack, "v"),
        memcached.server(stack),
    ]


def test_files_of_sqlite_are_the_same(bash) -> None:
    stack = _stack(bash.path, "key")
    script = 'database_connection_url x; echo "${MEMCACHE_SERVERS-none}"'
    assert _told(bash, stack.settings, script) == [mariadb.url(stack, "x"), "none"]
