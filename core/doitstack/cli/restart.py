"""`doit restart NAME...`: restart services as they are, without a look at the rest of the stack."""

import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from doit.exceptions import InvalidCommand
from doit.runner import ERROR

from doitstack.cli.base import ShowCommand
from doitstack.config.addresses import socket_host
from doitstack.errors import ServiceError, StepError
from doitstack.planning.code_origins import CodeOrigin, code_origins, origin_of_process
from doitstack.planning.stack_directory import StackDirectory
from doitstack.processes.tree import look_up
from doitstack.services.services import Services
from doitstack.suggestions import did_you_mean

_LOOK_AGAIN, _PATIENCE = 0.05, 1.0
"""Seconds between two looks whether a service answers again, and for an answer."""

_STAYS_UP, _MAY_BE_BUSY = 1.0, 30.0
"""Seconds without use of the CPU after which a daemon has started, and with it: it has work."""

_SILENCE = 5.0
"""Seconds after which a line says what is waited for."""

_IDLE_LOOKS = 5
"""The number of looks in _STAYS_UP seconds."""

Place = tuple[str, int]
"""An address and a port."""

_OF_COMMANDS = "warm-"
"""The prefix of the servers of commands, which are restarted when they are needed."""


class Restart(ShowCommand):
    """`doit restart`."""

    doc_purpose = "restart services as they are, and wait until they answer again"
    doc_examples = ("doit restart keystone", "doit restart nova", "doit restart n-cpu n-sch")
    doc_usage = "NAME..."
    doc_description = (
        "NAME is a service of `doit services`, or the name of a plugin or a service in "
        "ENABLED_SERVICES for all of its processes. They run the code that is in the source trees "
        "now; nothing is installed, migrated or configured, as `doit stack` does where needed."
    )

    def execute(self, params: Any, args: list[str]) -> int:
        """Restart the named services. The exit code is 2 if one does not come up again."""
        if not args:
            raise InvalidCommand("restart takes the names of services: doit restart keystone")
        self._names, self._code = args, 0
        super().execute(params, [])
        return self._code

    def show(self, directory: StackDirectory, params: Any) -> str:
        """Restart the services, with a line for each. Raises StepError for an unknown name."""
        services = directory.stack.services
        origins = code_origins(directory.plugins, directory.stack)
        names = _chosen(directory, services, origins, self._names)
        try:
            for line in _restarted(directory, origins, names):
                _say(line)
        except ServiceError as error:
            sys.stderr.write(f"ERROR: {error}\n")
            self._code = int(ERROR)
        return ""


def _chosen(
    directory: StackDirectory,
    services: Services,
    origins: Sequence[CodeOrigin],
    wanted: Sequence[str],
) -> list[str]:
    """Return the names of the services that are meant. Raises StepError for an unknown name."""
    known = [name for name in services.names() if not name.startswith(_OF_COMMANDS)]
    owners = {name: origin_of_process(origins, services.script(name)) for name in known}
    groups: dict[str, str] = {}
    for plugin in directory.plugins:
        groups.update(dict.fromkeys((plugin.name, *plugin.services), plugin.name))
    chosen: dict[str, None] = {}
    for word in wanted:
        name = word.removeprefix("devstack@").removesuffix(".service")
        found = [one for one in known if one == name or one.startswith(f"{name}-")]
        if not found and name in groups:
            owned = ((one, owners[one]) for one in known)
            found = [one for one, owner in owned if owner and owner.plugin == groups[name]]
        if not found:
            near = did_you_mean(name, [*known, *groups])
            raise StepError(f"no service {name} was ever started; see doit services{near}")
        chosen.update(dict.fromkeys(found))
    return list(chosen)


def _restarted(
    directory: StackDirectory, origins: Sequence[CodeOrigin], names: Sequence[str]
) -> Iterator[str]:
    """Restart services, all at once; yield a line for each. Raises ServiceError."""
    services, timeout = directory.stack.services, directory.settings.number("SERVICE_TIMEOUT")
    host = socket_host(directory.settings["SERVICE_HOST"])
    began, ports, takes_work = time.time(), services.ports(), _takes_work(directory)
    services.stop(*names)
    for name in names:
        if origin := origin_of_process(origins, services.script(name)):
            services.note_code(name, origin.environment.code_to_run())
        services.start_again(name, wait=False)
    for name in names:
        if name in ports:
            _wait_for_answers(services, name, [(host, port) for port in ports[name]], timeout)
        elif name in takes_work:
            _wait_until(services, name, takes_work[name], "take work", timeout)
        else:
            _wait_until_idle(services, name)
            # If it did not run before, its ports are known only now.
            places = [(host, port) for port in services.ports().get(name, ())]
            _wait_for_answers(services, name, places, timeout)
        origin = origin_of_process(origins, services.script(name))
        code = f", {origin.brief}" if origin else ""
        yield f"restarted {name}{code}, after {time.time() - began:.1f} s"


def _wait_for_answers(services: Services, name: str, places: Sequence[Place], timeout: int) -> None:
    """Wait until a service answers at each of its ports. Raises ServiceError."""
    for place in places:
        what = f"answer at port {place[1]}"
        _wait_until(services, name, partial(_answers, place), what, timeout)


def _wait_until(
    services: Services, name: str, is_ready: Callable[[], bool], what: str, timeout: int
) -> None:
    """Wait until a service is ready: until it does `what`. Raises ServiceError."""
    began = time.time()
    has_said = False
    while True:
        _check(services, name, began)
        if is_ready():
            return
        if not has_said and time.time() > began + _SILENCE:
            dead = ", ".join(services.deaths(0))
            why = f"; these have died: {dead}" if dead else ""
            _say(f"{name} does not {what} yet, see {services.log(name)}{why}")
            has_said = True
        if time.time() > began + timeout:
            raise ServiceError(
                f"{name} does not {what} within {timeout} s "
                f"(SERVICE_TIMEOUT); see {services.log(name)}"
            )
        time.sleep(_LOOK_AGAIN)


def _takes_work(directory: StackDirectory) -> dict[str, Callable[[], bool]]:
    """Return the functions of the plugins that say whether a process takes work, by its name.

    They use the defaults that the hooks of the settings phases set.
    """
    directory.evaluate_hooks_of_settings()
    found: dict[str, Callable[[], bool]] = {}
    for plugin in directory.plugins:
        found.update(plugin.takes_work_of(directory.stack))
    return found


def _wait_until_idle(services: Services, name: str) -> None:
    """Wait until a service without a port waits for work: until then it imports its code.

    Raises ServiceError if it ends.
    """
    began = time.time()
    used, idle_looks = 0.0, 0
    # Looks are counted, as a pause may be much longer than it was meant to be.
    while idle_looks < _IDLE_LOOKS and time.time() < began + _MAY_BE_BUSY:
        _check(services, name, began)
        processes = list(filter(None, map(look_up, services.pids(name))))
        before, used = used, sum(process.cpu for process in processes)
        # If it has no process, supervisord has not noticed its end yet.
        is_idle = used == before and processes and not any(one.is_busy for one in processes)
        idle_looks = idle_looks + 1 if is_idle else 0
        time.sleep(_STAYS_UP / _IDLE_LOOKS)


def _check(services: Services, name: str, since: float) -> None:
    if dead := services.deaths(since, name):
        raise ServiceError("\n".join(dead.values()))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _answers(place: Place) -> bool:
    """Return whether a server answers: to a request of HTTP, or by greeting or refusing it.

    That it listens is not enough: uWSGI listens before the application is imported.
    """
    try:
        with socket.create_connection(place, timeout=_PATIENCE) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return bool(connection.recv(1))
    except OSError:
        return False
