"""Whether a service can listen where it should, and if not, who is in its way."""

import errno
import socket

from doitstack import Stack
from doitstack.errors import ServiceError, SettingsError


def check(stack: Stack, name: str, address: tuple[str, int], setting: str) -> None:
    """Raise where the service `name` cannot listen at `address`; `setting` is what changes it.

    A port that the service itself has, from an earlier run, is no obstacle.
    """
    host, port = address
    try:
        _bind(host, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            reason = f"{host}:{port} cannot be listened at: {error.strerror}"
            raise SettingsError(f"{name}: {reason}; {_remedy(error, setting)}") from error
    else:
        return
    holder = _listener(port)
    if holder in stack.services.pids(name):
        return
    raise ServiceError(
        f"port {port} is taken by {_described(holder)}; "
        f"stop it, or set {setting} in local.conf for another port"
    )


def check_api(stack: Stack, name: str, prefix: str) -> None:
    """Raise where an API cannot listen at PREFIX_SERVICE_HOST and PREFIX_SERVICE_PORT."""
    check_port(stack, name, stack.settings[f"{prefix}_SERVICE_HOST"], f"{prefix}_SERVICE_PORT")


def check_port(stack: Stack, name: str, host: str, setting: str) -> None:
    """Raise where the service `name` cannot listen at `host` and the port that `setting` gives."""
    check(stack, name, (host, stack.settings.port(setting)), setting)


def _remedy(error: OSError, setting: str) -> str:
    if error.errno == errno.EACCES:
        return f"set {setting} in local.conf to a port above 1023"
    return "set SERVICE_HOST in local.conf to an address of this machine"


def _bind(host: str, port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)


def _listener(port: int) -> int | None:
    """Return the process that listens at `port`; None where it cannot be known."""
    import psutil  # noqa: PLC0415 - not for every `doit list`

    for connection in psutil.net_connections("tcp"):
        address = connection.laddr
        if connection.status == psutil.CONN_LISTEN and address and address.port == port:
            return connection.pid
    return None


def _described(pid: int | None) -> str:
    if pid is None:
        return "another user's process"
    import psutil  # noqa: PLC0415 - not for every `doit list`

    try:
        return f"{psutil.Process(pid).name()} (process {pid})"
    except psutil.Error:
        return f"process {pid}"
