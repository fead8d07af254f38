"""Offer a program warm: its wrapper in `$DEST/bin`, its server among the stack's services.

The server is one of the services that supervisor keeps, so it belongs to no run, and `unstack`
ends it. Whether there is one or not, the wrapper does what the program does.
"""

import hashlib
import os
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import inf
from pathlib import Path

from doitstack.errors import ServiceError
from doitstack.private_files import has_text, locked, private_directory, write_private
from doitstack.stack import Stack
from doitstack.venvs import Environment
from doitstack.warm.inside.options import Options

_HERE = Path(__file__).parent
_SYSTEM_CALLS = {
    "x86_64": (46, 319, 289, 14, 72, 3),
    "aarch64": (211, 279, 74, 135, 25, 57),
}
"""Of sendmsg, memfd_create, signalfd4, rt_sigprocmask, fcntl, close: perl knows only numbers."""

_PATIENCE = 0.25
"""Seconds until a server that is not stuck has greeted; as in client.pl."""

_PAUSE, _LONG_PAUSE = 0.02, 0.5
"""Seconds between two looks for a server's socket, and for its end, which cost more."""


@dataclass(frozen=True)
class Program:
    """A console script of an environment, and what to do once so that its calls are quick.

    The fields after `name` are as in `Options`. `env` is added to the server's environment. What
    the modules of `preload` say on stderr is said by each call. After `idle` s without a call the
    server ends; 0 stands for WARM_IDLE_SECONDS.
    """

    environment: Environment
    name: str
    preload: tuple[str, ...] = ()
    setup: str = ""
    rehearsals: tuple[tuple[str, ...], ...] = ()
    fresh: tuple[str, ...] = ()
    indifferent: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    idle: int = 0


def offer(stack: Stack, program: Program, *, wait: bool = False) -> None:
    """Put the wrapper of `program` first in PATH, and start its server; good as a future.

    The server is started anew if the program has changed. Until it is warm the real program
    answers; with `wait` it is looked whether the server stays up, and the user told if it does not.
    """
    with _alone(stack, program.name):
        put(stack, program)
        if can_be_warm():
            _start_or_warn(stack, program, wait=wait)


def call(
    stack: Stack, program: Program, *arguments: str | Path, env: Mapping[str, str] | None = None
) -> None:
    """Run the program by its server, which is started if need be. Raises CommandError.

    Good for a program that is called several times: a call that has to wait for what the server
    imports takes no longer than a plain one.
    """
    offer(stack, program)
    _wait(stack, program)
    given = {**dict(program.env), **(env or {})}
    stack.run([wrapper(stack, program.name), *arguments], env=given)


def put(stack: Stack, program: Program) -> None:
    """Make the program's wrapper in `$DEST/bin`; what it wraps need not be there yet.

    Only `offer`, once it is, lets a server answer.
    """
    path = wrapper(stack, program.name)
    real = program.environment.program(program.name)
    private_directory(path.parent)
    if not can_be_warm():
        path.unlink(missing_ok=True)
        path.symlink_to(real)
        return
    text = _client(stack, program)
    if path.is_symlink() or not has_text(path, text):
        new = path.with_name(f".{path.name}.new")
        write_private(new, text)
        new.chmod(0o700)
        new.replace(path)  # in one piece: somebody may be calling it


def _start_or_warn(stack: Stack, program: Program, *, wait: bool) -> None:
    """Start the program's server, or tell the user why each call will take longer."""
    try:
        _start(stack, program, wait=wait)
    except ServiceError as error:
        stack.say(f"WARNING: {program.name} is not kept warm, so each call takes longer: {error}")


def _start(stack: Stack, program: Program, *, wait: bool) -> None:
    private_directory(_directory(stack))
    options = Options(
        script=program.environment.program(program.name),
        directory=str(_directory(stack)),
        name=program.name,
        stamp=stamp(program),
        preload=program.preload,
        setup=program.setup,
        rehearsals=program.rehearsals,
        fresh=program.fresh,
        indifferent=program.indifferent,
        paths=program.paths,
        idle=program.idle or stack.settings.number("WARM_IDLE_SECONDS"),
    )
    argv: list[str | Path] = [
        program.environment.python,
        _HERE / "inside" / "start.py",
        options.dump(),
    ]
    stack.run_process(_service(program.name), argv, env=dict(program.env), wait=wait)


def _wait(stack: Stack, program: Program) -> None:
    """Wait until the server has imported all, or has ended."""
    if not can_be_warm():
        return
    deadline = time.monotonic() + stack.settings.number("SERVICE_TIMEOUT")
    while time.monotonic() < deadline:
        look_again = time.monotonic() + _LONG_PAUSE
        while time.monotonic() < look_again:
            if _is_answering(stack, program.name):
                return
            stack.sleep(_PAUSE)
        if stack.services.deaths(inf, _service(program.name)):
            return


def _is_answering(stack: Stack, name: str) -> bool:
    """Return whether a server greets who comes to its socket."""
    with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
        client.settimeout(_PATIENCE)
        directory = os.open(_directory(stack), os.O_PATH)
        try:
            client.connect(f"/proc/self/fd/{directory}/{name}.sock")
        finally:
            os.close(directory)
        return client.recv(1) == b"+"
    return False


def stop(stack: Stack, name: str) -> None:
    """End the server of the program `name`, and what it runs."""
    stack.stop_process(_service(name))
    (_directory(stack) / f"{name}.sock").unlink(missing_ok=True)


def withdraw(stack: Stack, *names: str) -> None:
    """Remove the wrappers of programs."""
    for name in names:
        wrapper(stack, name).unlink(missing_ok=True)
        _lock(stack, name).unlink(missing_ok=True)


def wrapper(stack: Stack, name: str) -> Path:
    """Return where the program `name` is found first."""
    return stack.dest / "bin" / name


def can_be_warm() -> bool:
    """Return whether the client can work here; else the real program is all there is."""
    return os.uname().machine in _SYSTEM_CALLS and all(
        shutil.which(name, path="/usr/bin") for name in ("env", "perl")
    )


def stamp(program: Program) -> str:
    """Return what tells this program, served by this code, from any other."""
    made = program.environment.stamp
    parts = [repr(program), str(made.stat().st_mtime_ns if made.exists() else 0)]
    parts += [path.read_text(encoding="utf-8") for path in sorted(_HERE.rglob("*.p[yl]"))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@contextmanager
def _alone(stack: Stack, name: str) -> Iterator[None]:
    """Keep others who would start the same server waiting."""
    private_directory(_directory(stack))
    with locked(_lock(stack, name)):
        yield


def _lock(stack: Stack, name: str) -> Path:
    return _directory(stack) / f"{name}.lock"


def _service(name: str) -> str:
    return f"warm-{name}"


def _directory(stack: Stack) -> Path:
    return stack.dest / "warm"


def _client(stack: Stack, program: Program) -> str:
    values = {
        "REAL": _quoted(program.environment.program(program.name)),
        "DIRECTORY": _quoted(str(_directory(stack))),
        "NAME": _quoted(program.name),
        "STAMP": _quoted(stamp(program)),
        "SYSCALLS": ", ".join(map(str, _SYSTEM_CALLS[os.uname().machine])),
    }
    text = (_HERE / "client.pl").read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def _quoted(text: str) -> str:
    """Return `text` as perl's single quotes want it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
