"""Check that a service can listen on its port, and if not, name the process that has it."""

import errno
import shlex
import socket
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from doitstack import Stack
from doitstack.config.addresses import socket_host, url_host
from doitstack.errors import ServiceError, SettingsError
from doitstack.processes.listeners import listeners


def check(stack: Stack, name: str, address: tuple[str, int], setting: str) -> None:
    """Raise an error if the service `name` cannot listen on `address`, which `setting` changes.

    A port that the service itself has, from an earlier run, is fine.
    """
    host, port = socket_host(address[0]), address[1]
    try:
        _bind(host, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            reason = f"cannot listen on {url_host(host)}:{port}: {error.strerror}"
            raise SettingsError(f"{name}: {reason}; {_remedy(error, setting)}") from error
    else:
        return
    if stack.services.listens(name, port):
        return
    holder = dict(listeners()).get(port)
    if holder in stack.services.pids(name):
        return
    raise ServiceError(
        f"port {port} is taken by {_described(holder)}; "
        f"stop it, or set {setting} in local.conf for another port"
    )


def check_api(stack: Stack, name: str, prefix: str) -> None:
    """Raise an error if an API cannot listen on PREFIX_SERVICE_HOST and PREFIX_SERVICE_PORT."""
    check_port(stack, name, stack.settings[f"{prefix}_SERVICE_HOST"], f"{prefix}_SERVICE_PORT")


def check_port(stack: Stack, name: str, host: str, setting: str) -> None:
    """Raise an error if the service `name` cannot listen on `host` and the port in `setting`."""
    check(stack, name, (host, stack.settings.port(setting)), setting)


@cache
def is_of_this_machine(host: str) -> bool:
    """Return whether services of this machine can listen on `host`.

    A plan asks hundreds of times, and all that follows from it must agree, so it is asked once.
    """
    try:
        _bind(socket_host(host), 0)
    except OSError as error:
        return error.errno != errno.EADDRNOTAVAIL
    return True


def _remedy(error: OSError, setting: str) -> str:
    if error.errno == errno.EACCES:
        return f"set {setting} in local.conf to a port above 1023"
    remedy = "set SERVICE_HOST in local.conf to an address of this machine"
    if error.errno == errno.EADDRNOTAVAIL:
        leave_out = "leave the service out of ENABLED_SERVICES of this host"
        return f"it is another machine's; {leave_out}, or {remedy}"
    return remedy


def _bind(host: str, port: int) -> None:
    # For text, Python imports the tables of international names first.
    name = host.encode() if host.isascii() else host
    family, kind, protocol, _, address = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)


def _described(pid: int | None) -> str:
    if pid is None:
        return "another user's process"
    import psutil  # noqa: PLC0415 - not for every `doit list`

    try:
        process = psutil.Process(pid)
        return f"{process.name()} (process {pid}){_stack_of(process.environ())}"
    except psutil.Error:
        return f"process {pid}"


def _stack_of(environ: Mapping[str, str]) -> str:
    """Return the DEST of the stack to which a process with this environment belongs, if any."""
    from doitstack.services.supervisord import DIRECTORY_VARIABLE  # noqa: PLC0415 - as above

    supervisor = environ.get(DIRECTORY_VARIABLE)
    if not supervisor:
        return ""
    dest = Path(supervisor).parent
    remedy = f"DEST={shlex.quote(str(dest))} doit unstack"
    return f" of the stack in {dest} (to stop that stack: {remedy})"
