"""The cache."""

from pathlib import Path

from doitstack.stack import Stack
from doitstack_plugins.backing import memcached
from tests.unit.recorded_actions import make_stack


def make(tmp_path: Path, services: str, **environ: str) -> Stack:
    stack = make_stack(tmp_path, ENABLED_SERVICES=services, **environ)
    memcached.source(stack.settings)
    return stack


def test_cache_is_emptied_only_where_there_is_one(tmp_path: Path) -> None:
    memcached.empty(make(tmp_path, "key"))
    memcached.empty(make(tmp_path, "mysql", MEMCACHED_PORT="1"))  # nothing listens there


def test_clients_get_the_form_of_ipv6_that_they_read(tmp_path: Path) -> None:
    stack = make(tmp_path, "memcached", SERVICE_HOST="[::1]", MEMCACHED_PORT="1")
    assert memcached.server(stack) == "[::1]:1"
    assert memcached.oslo_server(stack) == stack.settings["MEMCACHE_SERVERS"] == "inet6:[::1]:1"
