"""Serve a WSGI application as a service: one place that knows the server and its flags."""

from collections.abc import Mapping
from dataclasses import field
from functools import partial
from typing import NamedTuple

from doitstack import Stack
from doitstack.venvs import Environment
from doitstack_plugins.shared import conf_files, health


class WsgiService(NamedTuple):
    """An application `module` (`package.module:callable`) of an environment, and where it listens.

    `name` is that of the service and of its log. The environment must hold pyuwsgi. Each process
    has one thread; SQLite takes one process. `options` are further ones of uWSGI.
    """

    name: str
    module: str
    environment: Environment
    host: str
    port: int
    env: Mapping[str, str] = field(default_factory=dict)
    processes: int = 1
    options: tuple[str, ...] = ()


def serve(stack: Stack, service: WsgiService) -> None:
    """Have the application served; left alone if it is already served so. Then wait for its answer.

    With one thread a process: keystone answers some requests wrongly with several.
    """
    host = conf_files.url_host(service.host)
    argv = [service.environment.program("uwsgi"), "--http-socket", f"{host}:{service.port}"]
    # It keeps no connection open, and clients have to be told so.
    argv += ["--add-header", "Connection: close", "--module", service.module]
    argv += [
        "--master",
        "--processes",
        str(service.processes),
        "--threads",
        "1",
        "--enable-threads",
    ]
    argv += ["--lazy-apps", "--need-app", "--no-orphans", "--die-on-term"]
    # A worker whose threads do not end is killed after so many seconds.
    argv += ["--worker-reload-mercy", "3"]
    argv += ["--buffer-size", "65535", *service.options]
    with stack.timed("run_process"):
        stack.run_process(service.name, argv, env=service.env, cwd=stack.dest, wait=False)


def wait_until_served(stack: Stack, service: WsgiService, path: str, key: str) -> None:
    """Wait until GET `path` answers with a JSON object that has `key`.

    Raises ServiceError after SERVICE_TIMEOUT seconds, and at once when the service is dead.
    """
    address = (service.host, service.port)
    has_key = partial(health.has_key, address, path, key)
    health.wait_until(stack, service.name, has_key, f"{service.host}:{service.port}{path}")
