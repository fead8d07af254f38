"""The processes of nova: which are enabled, what they run from, and when they are up."""

import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from doitstack import Stack, warm
from doitstack.cloud import cloud
from doitstack.private_files import private_directory, write_private
from doitstack_plugins.backing import mariadb, rabbitmq
from doitstack_plugins.libvirt import daemon as libvirt
from doitstack_plugins.libvirt import node
from doitstack_plugins.nova import cells, conf, consoles, readiness
from doitstack_plugins.shared import health, ports, subnode, tree_daemons, venvs
from doitstack_plugins.shared.required_services import Check
from doitstack_plugins.shared.uwsgi import WsgiService, serve, wait_until_served

_PORTS = {"n-api": "NOVA_SERVICE_PORT", "n-api-meta": "METADATA_SERVICE_PORT"}
_STOP_SECONDS = 3
"""Computes would give servers 15 s to finish, but these servers are not real."""
_GUESTS_STOP_SECONDS = 10
"""A compute with guests ends what it does to them."""
_BACKEND = re.compile(r"^\s*concurrency_backend\b", re.MULTILINE)
_MODULES = {"n-api": "nova.wsgi.osapi_compute", "n-api-meta": "nova.wsgi.metadata"}


_COMPUTE = Path(__file__).parent / "compute_program" / "doitstack_compute.py"


class Daemon(NamedTuple):
    """A process without a port: its service, a program of nova, and the configuration it reads."""

    name: str
    program: str
    files: tuple[str, ...]
    topic: readiness.Topic = readiness.Topic("")
    prefix: tuple[str, ...] = ()
    """The words before the program of a compute, which run it in the node."""

    stop_seconds: int = _STOP_SECONDS


def port_checks(stack: Stack) -> Iterator[Check]:
    """Yield a check of the port of each API that is enabled."""
    host = stack.settings["NOVA_SERVICE_HOST"]
    for name in _apis(stack):
        yield partial(ports.check_port, stack, name, host, _PORTS[name])
    for name, port in consoles.ports(stack):
        yield partial(ports.check_port, stack, name, host, port)


def create_vhosts(stack: Stack) -> None:
    """Make a virtual host at the broker for each cell."""
    for number in conf.cells(stack):
        rabbitmq.add_vhost(stack, conf.vhost(stack, number))


def start_nova(stack: Stack) -> None:
    """Start all processes, restart those that run from something else, and wait until they work."""
    daemons = [one.name for one in (*control_daemons(stack), *compute_daemons(stack))]
    tree_daemons.stop_outdated(stack, daemons, conf.environment(stack).code_to_run())
    if stack.is_service_enabled("n-api") and stack.services.is_up("n-api"):
        _renew_api(stack)
    for name in _apis(stack):
        serve(stack, _wsgi(stack, name))
    for daemon in control_daemons(stack):
        _run(stack, daemon)
    if stack.is_service_enabled("n-api"):
        wait_until_served(stack, _wsgi(stack, "n-api"), "/", "versions")
    # A compute that gets no answer from its conductor tries again only after 10 s.
    topics = {one.name: one.topic for one in control_daemons(stack)}
    readiness.wait_for_queues(stack, topics)
    if conf.is_libvirt(stack):
        _forget_other_guests(stack)
    if consoles.has_relay(stack):
        consoles.give_address(stack)
        stack.run_process(consoles.RELAY, consoles.relay_command(stack), wait=False)
    for daemon in (*compute_daemons(stack), *console_daemons(stack)):
        _run(stack, daemon)
    readiness.wait_for_services(stack, topics)
    _wait_until_ready(stack)


def _renew_api(stack: Stack) -> None:
    """Let an API that runs import new code while users wait, if there is any.

    All that starts beside it takes the CPU from it. But all other daemons wait for the conductors,
    which themselves sleep while they start.
    """
    serve(stack, _wsgi(stack, "n-api"))
    for daemon in _conductors(stack):
        _run(stack, daemon)
    wait_until_served(stack, _wsgi(stack, "n-api"), "/", "versions")


def _forget_other_guests(stack: Stack) -> None:
    """Remove the guests of a database that is gone; nova refuses a libvirt that still has them."""
    if write_private(stack.data_dir / "nova" / "guests", _database(stack)):
        stack.stop_process(*(f"n-cpu-{number}" for number in conf.computes(stack)))
        libvirt.forget_guests(stack)
        for number in conf.computes(stack):
            shutil.rmtree(conf.compute_state(stack, number), ignore_errors=True)
            private_directory(conf.compute_state(stack, number) / "instances")


def _database(stack: Stack) -> str:
    """Return what identifies the database that knows the guests; a subnode cannot see it."""
    if subnode.is_subnode(stack.settings):
        with cloud(stack) as connection:
            return str(connection.current_project_id)
    name = conf.cell_database(stack.settings.number("NOVA_CPU_CELL"))
    return mariadb.database_id(stack, name)


def _run(stack: Stack, daemon: Daemon) -> None:
    argv = [*_words(stack, daemon), *conf.options(stack, *daemon.files)]
    env = _environ(stack, *daemon.files)
    if _is_fork(stack, daemon):
        env |= cells.ENVIRON
    code = conf.environment(stack).code_to_run()
    has_little_time = code and daemon.stop_seconds == _STOP_SECONDS
    seconds = tree_daemons.SOON if has_little_time else daemon.stop_seconds
    with stack.timed("run_process"):
        stack.run_process(daemon.name, argv, env=env, wait=False, stop_seconds=seconds, code=code)


def _words(stack: Stack, daemon: Daemon) -> list[str]:
    """Return the program of a daemon, and how it is run."""
    environment = conf.environment(stack)
    if daemon.name in consoles.PROXIES:
        return consoles.command(stack, daemon.name, environment.python)
    if daemon.prefix:
        words = [*daemon.prefix, str(environment.python), str(_COMPUTE)]
        return [*words, str(node.sockets(stack))]
    if _is_fork(stack, daemon):
        return warm.daemon(stack, cells.manager(stack), daemon.name, daemon.program)
    return [environment.program(daemon.program)]


def _is_fork(stack: Stack, daemon: Daemon) -> bool:
    is_plain = not daemon.prefix and daemon.name not in consoles.PROXIES
    return is_plain and _can_fork(stack, *daemon.files)


def _can_fork(stack: Stack, *files: str) -> bool:
    """Return whether processes that read `files` can be forks of the server of `nova-manage`.

    It has no green threads, which are not nova's default.
    """
    texts = (path.read_text(encoding="utf-8") for path in conf.files(stack, *files))
    return not any(map(_BACKEND.search, texts))


def _wait_until_ready(stack: Stack) -> None:
    """Wait until the metadata and the consoles are served."""
    if stack.is_service_enabled("n-api-meta"):
        address = (stack.settings["NOVA_SERVICE_HOST"], stack.settings.port(_PORTS["n-api-meta"]))
        # It lists its versions as text.
        lists = partial(health.has_text, address, "/", "latest")
        health.wait_until(stack, "n-api-meta", lists)
    for name, port in consoles.ports(stack):
        address = (stack.settings["NOVA_SERVICE_HOST"], stack.settings.port(port))
        health.wait_until(stack, name, partial(health.is_ours, address))
    if consoles.has_relay(stack):
        is_there = partial(health.is_ours, consoles.relay(stack))
        health.wait_until(stack, consoles.RELAY, is_there)


def stop_nova(stack: Stack) -> None:
    """Stop all of nova, also what an earlier configuration started."""
    names = [one.name for one in stack.services.status() if one.name.startswith("n-")]
    stack.stop_process(*names)


def control_daemons(stack: Stack) -> Iterator[Daemon]:
    """Yield the conductors and the scheduler if they are enabled."""
    yield from _conductors(stack)
    if stack.is_service_enabled("n-sch"):
        yield Daemon("n-sch", "nova-scheduler", (conf.API,), readiness.Topic("scheduler"))


def compute_daemons(stack: Stack) -> Iterator[Daemon]:
    """Yield the computes."""
    for number in conf.computes(stack):
        cell = conf.cell_files(stack.settings.number("NOVA_CPU_CELL"))
        names = (*cell, conf.COMPUTES, conf.compute(number))
        topic = readiness.compute_topic(stack, number)
        daemon = Daemon(f"n-cpu-{number}", "nova-compute", names, topic)
        yield _in_node(stack, daemon) if conf.is_libvirt(stack) else daemon


def _in_node(stack: Stack, daemon: Daemon) -> Daemon:
    prefix = tuple(node.command(stack))
    return daemon._replace(prefix=prefix, stop_seconds=_GUESTS_STOP_SECONDS)


def takes_work(stack: Stack) -> dict[str, Callable[[], bool]]:
    """Return, for each daemon with a queue, a function that says whether it takes messages."""
    daemons = (*control_daemons(stack), *compute_daemons(stack))
    return {one.name: partial(readiness.works, stack, one.name, one.topic) for one in daemons}


def console_daemons(stack: Stack) -> Iterator[Daemon]:
    """Yield the proxies of consoles."""
    cell = conf.cell_files(stack.settings.number("NOVA_CPU_CELL"))
    for name in consoles.enabled(stack):
        yield Daemon(name, f"nova-{consoles.PROXIES[name].module}", cell)


def _conductors(stack: Stack) -> Iterator[Daemon]:
    """Yield a conductor for each cell if they are enabled; of several cells, one above them."""
    if not stack.is_service_enabled("n-cond"):
        return
    if len(conf.cells(stack)) > 1:
        yield Daemon("n-super-cond", "nova-conductor", (conf.API,), readiness.Topic("conductor"))
    for number in conf.cells(stack):
        name, topic = f"n-cond-cell{number}", readiness.Topic("conductor", number)
        yield Daemon(name, "nova-conductor", conf.cell_files(number), topic)


def _apis(stack: Stack) -> list[str]:
    return [name for name in _PORTS if stack.is_service_enabled(name)]


def _wsgi(stack: Stack, name: str) -> WsgiService:
    env = _environ(stack, conf.API)
    # The first file is that of paste; a path that is whole stays as it is.
    paste = conf.environment(stack).path / "etc/nova/api-paste.ini"
    env["OS_NOVA_CONFIG_FILES"] = ";".join(
        str(path) for path in (paste, *conf.files(stack, conf.API))
    )
    module = f"{_MODULES[name]}:application"
    host, port = stack.settings["NOVA_SERVICE_HOST"], stack.settings.port(_PORTS[name])
    server = cells.manager(stack) if _can_fork(stack, conf.API) else None
    env |= cells.ENVIRON if server else {}
    return WsgiService(name, module, conf.environment(stack), host, port, env, forked_from=server)


def _environ(stack: Stack, *files: str) -> dict[str, str]:
    # Nothing reads the generation: another value restarts the process.
    return {**venvs.environ(stack), "NOVA_GENERATION": conf.generation(stack, *files)}
