"""Serve a program of an environment by a fork server that is one of the stack's services.

The client is in `$DEST/bin`, so it is found first. The server belongs to no run, and `unstack`
ends it. Whether there is one or not, the client does what the program does.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import NamedTuple

import fork_server
from doitstack.errors import ServiceError, StepError
from doitstack.private_files import locked, private_directory
from doitstack.stack import Stack
from doitstack.venvs import Environment

__all__ = ["Program", "call", "daemon", "offer", "put", "stop", "withdraw"]

_PAUSE, _LONG_PAUSE = 0.02, 0.5
"""Seconds between two checks whether a server is ready, and whether it has ended: slower."""


class Program(NamedTuple):
    """A console script of an environment, and how to prepare its server.

    environment, name: where the script is, and what it is called.
    env: variables to add to the server's environment.
    idle: seconds without a call after which the server ends; 0 stands for WARM_IDLE_SECONDS.

    The other fields are those of `fork_server.Preparation`.
    """

    environment: Environment
    name: str
    env: tuple[tuple[str, str], ...] = ()
    idle: int = 0
    preload: tuple[str, ...] = ()
    setup: str = ""
    rehearsals: tuple[tuple[str, ...], ...] = ()
    fresh: tuple[str, ...] = ()
    indifferent: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    @property
    def preparation(self) -> "fork_server.Preparation":
        """The preparation of the server before the first call."""
        values = {name: getattr(self, name) for name in fork_server.Preparation._fields}
        return fork_server.Preparation(**values)


def offer(stack: Stack, program: Program, *, wait: bool = False) -> None:
    """Put the client of `program` first in PATH, and start its server; good as a future.

    The server is restarted if the program has changed. Until it is ready the program runs
    directly. `wait` checks that the server stays up, and warns the user if it does not.
    """
    with _locked(stack, program):
        put(stack, program)
        if fork_server.is_supported():
            _start_or_warn(stack, program, wait=wait)


def call(
    stack: Stack, program: Program, *arguments: str | Path, env: Mapping[str, str] | None = None
) -> None:
    """Run the program by its server, which is started if need be. Raises CommandError.

    Good for a program that is called several times: a call that has to wait for what the server
    imports takes no longer than a direct one.
    """
    offer(stack, program)
    _wait(stack, program)
    given = {**dict(program.env), **(env or {})}
    stack.run([client_path(stack, program.name), *arguments], env=given)


def daemon(stack: Stack, program: Program, service: str, name: str) -> list[str]:
    """Return the words that run the program `name` as `service`, sharing what `program` imports.

    It becomes a fork of the server, which is started if the service does not run, and outlives it.
    Without a server, perhaps when the service is started again, it runs by itself; also if code is
    from source trees, which each new process must import anew.
    """
    path = program.environment.program(name)
    if not fork_server.is_supported() or program.environment.code_to_run():
        return [path]
    if not stack.services.is_up(service):
        offer(stack, program)
        _wait(stack, program)
    client = private_directory(_directory(stack)) / f"{program.name}-daemon"
    fork_server.install_client(options(stack, program), client, for_daemons=True)
    return [str(client), path]


def put(stack: Stack, program: Program) -> None:
    """Write the program's client to `$DEST/bin`; the program itself may come later.

    Until `offer` is called it runs the program directly. Raises StepError.
    """
    path = client_path(stack, program.name)
    private_directory(path.parent)
    if not fork_server.is_supported():
        path.unlink(missing_ok=True)
        path.symlink_to(program.environment.program(program.name))
        return
    private_directory(_directory(stack))
    try:
        fork_server.install_client(options(stack, program), path)
    except (PermissionError, NotADirectoryError) as error:
        raise StepError(str(error)) from error


def stop(stack: Stack, name: str) -> None:
    """End the server of the program `name`, and what it runs."""
    stack.stop_process(_service(name))
    (_directory(stack) / f"{name}.sock").unlink(missing_ok=True)


def withdraw(stack: Stack, *names: str) -> None:
    """Remove the clients of programs."""
    for name in names:
        client_path(stack, name).unlink(missing_ok=True)
        _lock_file(stack, name).unlink(missing_ok=True)


def client_path(stack: Stack, name: str) -> Path:
    """Return where the program `name` is found first."""
    return stack.dest / "bin" / name


def options(stack: Stack, program: Program) -> "fork_server.Options":
    """Return what the program's server is given."""
    made = program.environment.stamp
    made_at = str(made.stat().st_mtime_ns if made.exists() else 0)
    return fork_server.Options(
        script=program.environment.program(program.name),
        directory=str(_directory(stack)),
        name=program.name,
        stamp=fork_server.stamp(
            repr(program), made_at, *filter(None, [program.environment.code_to_run()])
        ),
        preparation=program.preparation,
        idle=program.idle or stack.settings.number("WARM_IDLE_SECONDS"),
    )


def _start_or_warn(stack: Stack, program: Program, *, wait: bool) -> None:
    """Start the program's server, or show why each call will take longer."""
    command = fork_server.server_command(options(stack, program), program.environment.python)
    try:
        stack.run_process(_service(program.name), command, env=dict(program.env), wait=wait)
    except ServiceError as error:
        stack.say(f"WARNING: no server for {program.name}, so each call takes longer: {error}")


def _wait(stack: Stack, program: Program) -> None:
    """Wait until the server is ready, or has ended."""
    if not fork_server.is_supported():
        return
    served = options(stack, program)
    deadline = time.monotonic() + stack.settings.number("SERVICE_TIMEOUT")
    while time.monotonic() < deadline:
        next_check = time.monotonic() + _LONG_PAUSE
        while time.monotonic() < next_check:
            if fork_server.is_ready(served):
                return
            stack.sleep(_PAUSE)
        if stack.services.deaths(inf, _service(program.name)):
            return


@contextmanager
def _locked(stack: Stack, program: Program) -> Iterator[None]:
    """Prevent other processes from starting the same server in the block."""
    private_directory(_directory(stack))
    with locked(_lock_file(stack, program.name)):
        yield


def _lock_file(stack: Stack, name: str) -> Path:
    return _directory(stack) / f"{name}.lock"


def _service(name: str) -> str:
    return f"warm-{name}"


def _directory(stack: Stack) -> Path:
    return stack.dest / "warm"
