"""The message broker: RabbitMQ as the service `rabbit`, a private process.

Its data are kept as long as its configuration stays the same.
"""

import re
import shutil
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

from doitstack import Settings, Stack, Step, async_run, hookimpl, run
from doitstack.config.addresses import socket_host, url_host
from doitstack.errors import SettingsError
from doitstack.private_files import private_directory, write_private
from doitstack.uptodate import digest
from doitstack_plugins.backing import debian_packages
from doitstack_plugins.shared import health, ports, required_services, subnode

services = ("rabbit",)
_PORTS = ("RABBIT_PORT", "RABBIT_DIST_PORT", "RABBIT_EPMD_PORT")
FUTURE = "start_rabbit"
_PASSWORD = "RABBIT_PASSWORD"  # noqa: S105 - its name, not the password
_PLAIN = r"[A-Za-z0-9!$%&()*+,./:;<=>?@^_{|}~-]+"
_HELLO = b"AMQP\x00\x00\x09\x01"
_METHOD_FRAME = 1
"""The type of the frame with which a broker answers to the protocol's header."""


def _check_word(settings: Settings, name: str) -> None:
    """Raise SettingsError if the broker's files cannot hold a value, which may be a password."""
    if not re.fullmatch(_PLAIN, settings[name]):
        raise SettingsError(f"{name} takes letters, digits and plain signs; set another")


checked_settings = {
    "RABBIT_HOST": Settings.host,
    **dict.fromkeys(_PORTS, Settings.port),
    **dict.fromkeys((_PASSWORD, "RABBIT_USERID"), _check_word),
}

_CONF = """\
listeners.tcp.1 = {address}
default_user = {user}
default_pass = {password}
log.file.level = warning
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 50MB
"""

# Erlang's schedulers would otherwise spin and take CPU time from other processes.
_ERLANG = "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none"


@hookimpl
def source(settings: Settings) -> None:
    """Set where the broker listens, and its user."""
    settings.default("RABBIT_HOST", settings["SERVICE_HOST"])
    port = settings.default("RABBIT_PORT", "15672")
    # RabbitMQ needs two more, for its own tools. The check reports an invalid port.
    second = (int(port) + 10001) % 64512 + 1024 if port.isdecimal() else 0
    settings.default("RABBIT_DIST_PORT", str(second))
    settings.default("RABBIT_EPMD_PORT", str(second + 1))
    settings.default("RABBIT_USERID", "stackrabbit")


@hookimpl
def stack_pre_install(stack: Stack) -> Iterator[Step]:
    """Check that the broker can listen."""
    yield run(check_rabbit, only_looks=True)


@hookimpl
def stack_install(stack: Stack) -> Iterator[Step]:
    """Start it once its package is there; it takes a while."""
    yield async_run(FUTURE, start_rabbit, wait=[debian_packages.FUTURE])


@hookimpl
def unstack(stack: Stack) -> Iterator[Step]:
    """Stop it."""
    yield run(stop_rabbit)


@hookimpl
def clean(stack: Stack) -> Iterator[Step]:
    """Remove its data."""
    yield run(clean_rabbit)


def url(stack: Stack, vhost: str = "") -> str:
    """Return the `transport_url` of oslo.messaging; it holds the password.

    Without a `vhost` it is the one that all services share.
    """
    settings = stack.settings
    user, password = settings["RABBIT_USERID"], quote(stack.password(_PASSWORD), safe="")
    host, port = settings["RABBIT_HOST"], settings.port("RABBIT_PORT")
    return f"rabbit://{user}:{password}@{url_host(host)}:{port}/{vhost}"


def listener(stack: Stack) -> dict[str, subnode.Probe]:
    """Return the broker, and how a subnode sees whether it listens."""
    return subnode.listener("rabbit", *_address(stack))


def check_rabbit(stack: Stack) -> None:
    """Raise an error if the broker cannot listen, or its files cannot hold the password."""
    hosts = {
        "RABBIT_PORT": stack.settings["RABBIT_HOST"],
        "RABBIT_DIST_PORT": "127.0.0.1",
        "RABBIT_EPMD_PORT": "127.0.0.1",
    }
    required_services.check_all(
        partial(required_services.check_settings, stack, checked_settings),
        *(
            partial(ports.check_port, stack, "rabbit", host, setting)
            for setting, host in hosts.items()
        ),
    )


def start_rabbit(stack: Stack) -> None:
    """Start RabbitMQ, and wait for its answer."""
    conf = _CONF.format(
        # RabbitMQ takes no brackets here.
        address=":".join(map(str, _address(stack))),
        user=stack.settings["RABBIT_USERID"],
        password=stack.password(_PASSWORD),
    )
    if write_private(_root(stack) / "rabbitmq.conf", conf):
        # Its user is made with its first data.
        stack.stop_process("rabbit")
        shutil.rmtree(_data(stack), ignore_errors=True)
    write_private(_root(stack) / "enabled_plugins", "[].\n")
    private_directory(_root(stack) / "home")
    env = {**_environ(stack), "RABBIT_GENERATION": digest(conf)}
    # The program of the same name in /usr/sbin becomes another user.
    program = "/usr/lib/rabbitmq/bin/rabbitmq-server"
    with stack.timed("run_process"):
        stack.run_process("rabbit", [program], env=env, cwd=_root(stack), wait=False)
    health.wait_until(stack, "rabbit", partial(_is_answering, stack))


def add_vhost(stack: Stack, vhost: str) -> None:
    """Make a virtual host, which has queues of its own, unless it is there."""
    # The mark is deleted with the broker's data. Asking the broker itself takes a second.
    mark = _data(stack) / f"{vhost}.vhost"
    if mark.exists():
        return
    ctl, user = "/usr/lib/rabbitmq/bin/rabbitmqctl", stack.settings["RABBIT_USERID"]
    env = _environ(stack)
    stack.run([ctl, "--quiet", "add_vhost", vhost], env=env, cwd=_root(stack))
    words = ["set_permissions", "--vhost", vhost, user, ".*", ".*", ".*"]
    stack.run([ctl, "--quiet", *words], env=env, cwd=_root(stack))
    write_private(mark, "")


def stop_rabbit(stack: Stack) -> None:
    """Stop RabbitMQ."""
    stack.stop_process("rabbit")


def clean_rabbit(stack: Stack) -> None:
    """Remove its data and its configuration."""
    shutil.rmtree(_root(stack), ignore_errors=True)


def _environ(stack: Stack) -> dict[str, str]:
    root, settings = _root(stack), stack.settings
    return {
        "HOME": str(root / "home"),
        "ERL_EPMD_PORT": settings["RABBIT_EPMD_PORT"],
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": "stack@localhost",
        "RABBITMQ_DIST_PORT": settings["RABBIT_DIST_PORT"],
        "RABBITMQ_CONFIG_FILE": str(root / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_MNESIA_BASE": str(_data(stack)),
        "RABBITMQ_LOG_BASE": str(stack.log_dir / "rabbitmq"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(root / "enabled_plugins"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(root / "generated"),
        "RABBITMQ_PID_FILE": str(root / "pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _ERLANG,
    }


def _is_answering(stack: Stack) -> bool:
    """Return whether the broker starts the handshake of AMQP 0-9-1."""
    try:
        with socket.create_connection(_address(stack), 10) as connection:
            connection.sendall(_HELLO)
            is_broker = connection.recv(1) == bytes([_METHOD_FRAME])
    except OSError:
        return False
    return is_broker and health.is_ours(_address(stack))


def _address(stack: Stack) -> tuple[str, int]:
    return socket_host(stack.settings["RABBIT_HOST"]), stack.settings.port("RABBIT_PORT")


def _data(stack: Stack) -> Path:
    return _root(stack) / "mnesia"


def _root(stack: Stack) -> Path:
    return stack.data_dir / "rabbit"
