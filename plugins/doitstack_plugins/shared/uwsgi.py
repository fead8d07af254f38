"""Serve a WSGI application as a service, with uWSGI."""

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from doitstack import Stack, warm
from doitstack.config.addresses import url_host
from doitstack.errors import ServiceError
from doitstack.records import Record
from doitstack.venvs import Environment
from doitstack_plugins.shared import health

MODULES = Path(__file__).with_name("wsgi_master")
"""The directory of modules that uWSGI imports."""


class WsgiService(Record):
    """An application, and where it listens."""

    name: str
    """The name of the process and of its log."""

    module: str
    """The application: `package.module:callable`."""

    environment: Environment
    """The environment with the application and pyuwsgi."""

    host: str
    port: int
    env: Mapping[str, str] = field(default_factory=dict)

    processes: int = 1
    """How many processes serve it, each with one thread; with SQLite there may be only one."""

    options: tuple[str, ...] = ()
    """Further options of uWSGI."""

    forked_from: warm.Program | None = None
    """A program whose server imports much of what the application does: uWSGI is a fork of it."""


def serve(stack: Stack, service: WsgiService) -> None:
    """Serve the application; nothing happens if it is already served in the same way.

    Does not wait for its answer. Each process has one thread, as keystone answers some requests
    wrongly with several. If only the code in a source tree has changed, new processes take the
    place of the old ones, and no request is refused.
    """
    host = url_host(service.host)
    argv = [*_uwsgi(stack, service), "--http-socket", f"{host}:{service.port}"]
    # uWSGI keeps no connection open, but does not send this header by itself.
    argv += ["--add-header", "Connection: close"]
    argv += ["--pythonpath", str(MODULES), "--module", "doitstack_application:application"]
    argv += [
        "--master",
        "--processes",
        str(service.processes),
        "--threads",
        "1",
        "--enable-threads",
    ]
    argv += ["--need-app", "--no-orphans", "--die-on-term"]
    # Seconds after which uWSGI kills a worker if its threads do not end.
    argv += ["--worker-reload-mercy", "3"]
    argv += ["--buffer-size", "65535", *service.options]
    from doitstack_plugins.shared import wsgi_reload  # noqa: PLC0415 - hooks are called to list

    code = service.environment.code_to_run()
    argv += _loading(service, code)
    argv += wsgi_reload.options() if code else []
    env = {**service.env, "DOITSTACK_APPLICATION": service.module}
    if code:
        env |= wsgi_reload.environ(service.name, service.module, service.environment)
    with stack.timed("run_process"):
        stack.run_process(
            service.name,
            argv,
            env=env,
            # uWSGI imports from the current directory, too. In DEST, the repository of a project
            # would stand for its package if that is not installed.
            cwd=service.environment.path,
            wait=False,
            code=code,
            reload=wsgi_reload.reload_workers,
        )


def _uwsgi(stack: Stack, service: WsgiService) -> list[str]:
    """Return the words that run uWSGI."""
    if service.forked_from:
        return warm.daemon(stack, service.forked_from, service.name, "uwsgi")
    return [service.environment.program("uwsgi")]


def _loading(service: WsgiService, code: str) -> list[str]:
    """Return the options that say who imports the application; `code` is that of source trees.

    If the master does, its workers are forks of it, and share its memory. Of trees, each new worker
    must import the new code. A single worker does it alone: a master would double the memory.
    """
    if service.processes == 1 or code:
        return ["--lazy-apps"]
    return ["--shared-pyimport=doitstack_freeze"]


def wait_until_served(stack: Stack, service: WsgiService, path: str, key: str) -> None:
    """Wait until GET `path` answers with a JSON object that has `key`.

    Raises ServiceError after SERVICE_TIMEOUT s, and at once if the service is dead, or if code from
    a source tree answers with an error.
    """
    address = (service.host, service.port)
    where = f"{url_host(service.host)}:{service.port}{path}"
    is_of_user = bool(service.environment.installed_trees.used())

    def is_served() -> bool:
        if health.has_key(address, path, key):
            return True
        if is_of_user and health.is_failing(address, path):
            from doitstack.services.log_excerpts import reason  # noqa: PLC0415 - seldom

            log = stack.services.log(service.name)
            raise ServiceError(
                f"{service.name} answers with an error at {where}; its log is {log}\n{reason(log)}"
            )
        return False

    health.wait_until(stack, service.name, is_served, where)
