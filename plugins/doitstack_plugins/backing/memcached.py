"""The service `memcached`: a private process that others keep their caches in.

It comes with `mysql`, since Keystone has several processes then, and with Swift's proxy.
"""

import socket
from collections.abc import Iterator
from contextlib import suppress

from doitstack import Settings, Stack, Step, async_run, async_wait, hookimpl, run
from doitstack.config.addresses import socket_host, url_host
from doitstack_plugins.backing import debian_packages
from doitstack_plugins.shared import ports

_FUTURE = "start_memcached"
services = ("memcached", "mysql", "s-proxy")
checked_settings = {"MEMCACHED_PORT": Settings.port}


@hookimpl
def source(settings: Settings) -> None:
    """Set where memcached listens, and the setting that scripts use."""
    port = settings.default("MEMCACHED_PORT", "11311")
    if settings.is_service_enabled(*services):
        server = f"{url_host(settings['SERVICE_HOST'])}:{port}"
        settings.default("MEMCACHE_SERVERS", _as_python_memcached(server))


@hookimpl
def stack_pre_install(stack: Stack) -> Iterator[Step]:
    """Check that memcached can listen."""
    yield run(check_memcached_port, only_looks=True)


@hookimpl
def stack_install(stack: Stack) -> Iterator[Step]:
    """Start it once its package is there."""
    yield async_run(_FUTURE, start_memcached, wait=[debian_packages.FUTURE])


@hookimpl
def stack_post_config(stack: Stack) -> Iterator[Step]:
    """Wait for it before services are configured."""
    yield async_wait(_FUTURE)


@hookimpl
def unstack(stack: Stack) -> Iterator[Step]:
    """Stop it."""
    yield run(stop_memcached)


def is_wanted(stack: Stack) -> bool:
    """Return whether the stack has a memcached."""
    return stack.is_service_enabled(*services)


def server(stack: Stack) -> str:
    """Return `HOST:PORT`, as clients are configured with it."""
    return f"{url_host(_host(stack))}:{stack.settings.port('MEMCACHED_PORT')}"


def oslo_server(stack: Stack) -> str:
    """Return its address, as oslo.cache is configured with it."""
    return _as_python_memcached(server(stack))


def check_memcached_port(stack: Stack) -> None:
    """Raise an error if its port is taken."""
    ports.check_port(stack, "memcached", _host(stack), "MEMCACHED_PORT")


def start_memcached(stack: Stack) -> None:
    """Start it; it listens before the second has passed for which it must stay up."""
    from getpass import getuser  # noqa: PLC0415 - it imports termios

    port = str(stack.settings.port("MEMCACHED_PORT"))
    argv = ["/usr/bin/memcached", "-u", getuser(), "-l", _host(stack), "-p", port, "-m", "64"]
    with stack.timed("run_process"):
        stack.run_process("memcached", argv)


def stop_memcached(stack: Stack) -> None:
    """Stop it, and so forget all that it holds."""
    stack.stop_process("memcached")


def empty(stack: Stack) -> None:
    """Forget all that it holds, as for a recreated database; nothing happens if it does not run."""
    if not is_wanted(stack):
        return
    address = (_host(stack), stack.settings.port("MEMCACHED_PORT"))
    with suppress(ConnectionRefusedError), socket.create_connection(address, 10) as connection:
        connection.sendall(b"flush_all\r\n")
        connection.recv(64)


def _as_python_memcached(server: str) -> str:
    return f"inet6:{server}" if server.startswith("[") else server


def _host(stack: Stack) -> str:
    return socket_host(stack.settings["SERVICE_HOST"])
