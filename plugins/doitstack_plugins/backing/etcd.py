"""The service `etcd3`: a private etcd, in which other services coordinate their work.

No in-tree service needs it; plugins find it at `ETCD_PORT` of `SERVICE_HOST`, as with DevStack.
"""

import shutil
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from doitstack import Settings, Stack, Step, async_run, async_wait, hookimpl, run
from doitstack.config.addresses import socket_host, url_host
from doitstack.private_files import private_directory
from doitstack_plugins.backing import debian_packages
from doitstack_plugins.shared import health, ports

services = ("etcd3",)
_FUTURE = "start_etcd"
_PORTS = ("ETCD_PORT", "ETCD_PEER_PORT")
checked_settings = dict.fromkeys(_PORTS, Settings.port)

_MEMBER = "stack"
"""The name of the only member of the cluster."""

_ENVIRON = {"ETCD_UNSUPPORTED_ARCH": "arm64"}
"""On ARM, etcd 3.4 starts only with it; elsewhere nothing reads it."""


@hookimpl
def source(settings: Settings) -> None:
    """Set where etcd listens."""
    port = settings.default("ETCD_PORT", "12379")
    # The check reports an invalid port.
    settings.default("ETCD_PEER_PORT", str(int(port) + 1) if port.isdecimal() else port)


@hookimpl
def stack_pre_install(stack: Stack) -> Iterator[Step]:
    """Check that etcd can listen."""
    yield run(check_etcd_ports, only_looks=True)


@hookimpl
def stack_install(stack: Stack) -> Iterator[Step]:
    """Start it once its package is there."""
    yield async_run(_FUTURE, start_etcd, wait=[debian_packages.FUTURE])


@hookimpl
def stack_post_config(stack: Stack) -> Iterator[Step]:
    """Wait for it before services are configured."""
    yield async_wait(_FUTURE)


@hookimpl
def unstack(stack: Stack) -> Iterator[Step]:
    """Stop it."""
    yield run(stop_etcd)


@hookimpl
def clean(stack: Stack) -> Iterator[Step]:
    """Remove its data."""
    yield run(clean_etcd)


def check_etcd_ports(stack: Stack) -> None:
    """Raise an error if one of its ports is taken."""
    for setting in _PORTS:
        ports.check_port(stack, "etcd3", stack.settings["SERVICE_HOST"], setting)


def start_etcd(stack: Stack) -> None:
    """Start etcd, and wait until it says that it is healthy."""
    clients, peers = (_url(stack, stack.settings["SERVICE_HOST"], name) for name in _PORTS)
    # It does not listen on names.
    listened = (_url(stack, _ip(stack), name) for name in _PORTS)
    argv = [
        "/usr/bin/etcd",
        f"--name={_MEMBER}",
        f"--data-dir={private_directory(_data(stack))}",
        f"--listen-client-urls={next(listened)}",
        f"--listen-peer-urls={next(listened)}",
        f"--advertise-client-urls={clients}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster={_MEMBER}={peers}",
    ]
    with stack.timed("run_process"):
        stack.run_process("etcd3", argv, env=_ENVIRON, wait=False)
    health.wait_until(stack, "etcd3", partial(_is_healthy, stack), clients)


def stop_etcd(stack: Stack) -> None:
    """Stop etcd; its data stay."""
    stack.stop_process("etcd3")


def clean_etcd(stack: Stack) -> None:
    """Remove its data."""
    shutil.rmtree(_data(stack), ignore_errors=True)


def _is_healthy(stack: Stack) -> bool:
    address = socket_host(stack.settings["SERVICE_HOST"]), stack.settings.port("ETCD_PORT")
    return health.has_text(address, "/health", '"true"') and health.is_ours(address)


def _url(stack: Stack, host: str, port: str) -> str:
    return f"http://{url_host(host)}:{stack.settings.port(port)}"


def _ip(stack: Stack) -> str:
    host = socket_host(stack.settings["SERVICE_HOST"])
    return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])


def _data(stack: Stack) -> Path:
    return stack.data_dir / "etcd"
