"""Services as bash describes them: a command line, a group, a user, an environment.

Started services are recorded below `$DEST/units`, so that they can be started again by name.
"""

import getpass
import json
import os
import re
import shlex
import uuid
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from doitstack.errors import ServiceError
from doitstack.private_files import private_directory, read_regular, write_private
from doitstack.records import Record
from doitstack.stack import Stack
from doitstack.uptodate import digest

_CONFIGURATION = re.compile(r"(?:--?[\w-]+=)?(/.+\.(?:conf|ini|cfg|toml|ya?ml|json))")
"""A word of a command that names a configuration file."""


class Unit(Record):
    """The settings that DevStack would write into a unit file."""

    command: str
    group: str = ""
    user: str = ""
    environment: str = ""

    def __post_init__(self) -> None:
        if not all(isinstance(value, str) for value in asdict(self).values()):
            raise TypeError("a command, a group, a user and an environment are texts")

    def argv(self) -> list[str]:
        """Return the command, with a prefix to change the user or group."""
        argv = shlex.split(self.command)
        if self.group:
            argv = ["sg", self.group, "-c", shlex.join(argv)]
        if self.user and self.user != getpass.getuser():
            as_user = ["runuser", "-u"] if os.geteuid() == 0 else ["sudo", "-n", "-u"]
            argv = [*as_user, self.user, "--", *argv]
        return argv

    def variables(self) -> dict[str, str]:
        """Return the environment: systemd's `Environment=`, NAME=value words."""
        words = (word.partition("=") for word in shlex.split(self.environment))
        return {name: value for name, _, value in words if name}


def run(stack: Stack, name: str, command: str, *more: str) -> str:
    """Record the service `name` and start it. `more` is the group, the user, the environment."""
    write(stack, name, command, *more)
    return start(stack, name)


def write(stack: Stack, name: str, command: str, *more: str) -> str:
    """Record how the service `name` is started."""
    directory = private_directory(stack.dest / "units")
    unit = Unit(command, *more[:3])
    write_private(directory / f"{_checked(name)}.json", json.dumps(asdict(unit)))
    return ""


def start(stack: Stack, name: str) -> str:
    """Start the service `name` as recorded, or one of other plugins as it was last started."""
    path = stack.dest / "units" / f"{_checked(name)}.json"
    try:
        unit = Unit(**json.loads(path.read_text(encoding="utf-8")))
        argv, environ = unit.argv(), unit.variables()
    except FileNotFoundError as error:
        if all(stack.services.start_again(one) for one in _services(stack, name)):
            return ""
        raise ServiceError(f"{name} was never started; call run_process {name} COMMAND") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise ServiceError(f"{name}: cannot understand its command: {error}") from error
    stack.run_process(name, argv, env=environ, code=_start_digest(stack, unit.command))
    return ""


def recreated(stack: Stack) -> str:
    """Note that a database is new: what services have registered in the old one is lost."""
    write_private(_databases(stack), uuid.uuid4().hex)
    return ""


def _databases(stack: Stack) -> Path:
    return private_directory(stack.dest / "units") / "databases"


def _start_digest(stack: Stack, command: str) -> str:
    """Return a digest of what a service reads when it starts; if it changes, it is restarted.

    That is the configuration files that the command names, and the databases.
    """
    named = filter(None, map(_CONFIGURATION.fullmatch, shlex.split(command)))
    texts: list[str] = []
    for file in (_databases(stack), *(Path(word[1]) for word in named)):
        with suppress(OSError, ValueError):  # it is no file, or has no possible name
            texts.append(read_regular(file).decode(errors="replace"))
    return digest(*texts) if texts else ""


def stop(stack: Stack, name: str) -> str:
    """Stop the service `name`."""
    stack.stop_process(*_services(stack, name))
    return ""


def restart(stack: Stack, name: str) -> str:
    """Stop the service `name` if it is running, and start it."""
    stop(stack, name)
    return start(stack, name)


def check(stack: Stack) -> str:
    """Return a line for each service."""
    return "\n".join(f"{one.name} {one.state.value}" for one in stack.services.status())


def check_deaths(stack: Stack) -> str:
    """Raise ServiceError, with the ends of their logs, if services have died in this run."""
    dead = stack.dead_services()
    if dead:
        raise ServiceError("\n".join(dead.values()))
    return ""


def _services(stack: Stack, name: str) -> list[str]:
    """Return the services that DevStack calls `name`: here, `n-cpu` is `n-cpu-1` and so on."""
    names = stack.services.names()
    numbered = re.compile(rf"{re.escape(name)}-(cell)?\d+")
    return [name] if name in names else [*filter(numbered.fullmatch, names)] or [name]


def _checked(name: str) -> str:
    if "/" in name or name.startswith("."):
        raise ServiceError(f"{name!r} cannot name a service")
    return name
