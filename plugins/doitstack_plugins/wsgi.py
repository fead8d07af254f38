"""Serve a WSGI application as a service: one place that knows the server and its flags."""

import errno
import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from doitstack import Stack
from doitstack.environments import Environment
from doitstack.errors import ServiceError, SettingsError

_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class WsgiService:
    """An application `module` (`package.module:callable`) of an environment, and where it listens.

    `name` is that of the service and of its log. The environment must hold pyuwsgi.
    """

    name: str
    module: str
    environment: Environment
    host: str
    port: int
    env: Mapping[str, str] = field(default_factory=dict)


def serve(stack: Stack, service: WsgiService) -> None:
    """Have the application served; left alone if it is already served so.

    One process with one thread: SQLite is locked for a second writer, and keystone answers some
    requests wrongly with several threads.
    """
    host = f"[{service.host}]" if ":" in service.host else service.host
    argv = [service.environment.program("uwsgi"), "--http-socket", f"{host}:{service.port}"]
    # It keeps no connection open, and clients have to be told so.
    argv += ["--add-header", "Connection: close", "--module", service.module]
    argv += ["--master", "--processes", "1", "--threads", "1", "--enable-threads"]
    argv += ["--lazy-apps", "--need-app", "--no-orphans", "--die-on-term"]
    argv += ["--buffer-size", "65535"]
    with stack.timed("run_process"):
        stack.run_process(service.name, argv, env=service.env, cwd=stack.dest)


def wait_until_served(stack: Stack, service: WsgiService, path: str, key: str) -> None:
    """Wait until GET `path` answers with a JSON object that has `key`.

    Raises ServiceError after SERVICE_TIMEOUT seconds, and at once when the service is dead.
    """
    timeout = stack.settings.number("SERVICE_TIMEOUT")
    with stack.timed("wait_for_service"):
        deadline = time.monotonic() + timeout
        while not _is_answering(service, path, key):
            stack.services.check(service.name)
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"{service.name} does not answer at {service.host}:{service.port}{path} "
                    f"within {timeout} s (SERVICE_TIMEOUT); see {stack.services.log(service.name)}"
                )
            time.sleep(_POLL_SECONDS)


def check_port(stack: Stack, service: WsgiService, setting: str) -> None:
    """Raise ServiceError if somebody else has the service's port; `setting` is what changes it."""
    try:
        _bind(service.host, service.port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            reason = f"{service.host}:{service.port} cannot be listened at: {error.strerror}"
            raise SettingsError(f"{service.name}: {reason}; set {setting} in local.conf") from error
    else:
        return
    holder = _listener(service.port)
    if holder in stack.services.pids(service.name):
        return
    raise ServiceError(
        f"port {service.port} is taken by {_described(holder)}; "
        f"stop it, or set {setting} in local.conf for another port"
    )


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


def _is_answering(service: WsgiService, path: str, key: str) -> bool:
    """Return whether GET `path` gives a JSON object with `key`; no proxy is asked."""
    from http.client import OK, HTTPConnection, HTTPException  # noqa: PLC0415 - as above

    connection = HTTPConnection(service.host, service.port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        found = json.loads(answer.read())
    except (OSError, HTTPException, ValueError):
        return False
    finally:
        connection.close()
    return answer.status == OK and isinstance(found, dict) and key in found
