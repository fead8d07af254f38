"""Offer a program warm: its wrapper in `$DEST/bin`, its server among the stack's services.

The server is one of the services that supervisor keeps, so it belongs to no run, and `unstack`
ends it. Whether there is one or not, the wrapper does what the program does.
"""

import hashlib
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from doitstack.environments import Environment
from doitstack.errors import ServiceError
from doitstack.files import has_text, private_directory, write_private
from doitstack.stack import Stack
from doitstack.warm.inside.options import Options

_HERE = Path(__file__).parent
_SYSTEM_CALLS = {
    "x86_64": (46, 319, 289, 14, 72, 3),
    "aarch64": (211, 279, 74, 135, 25, 57),
}
"""Of sendmsg, memfd_create, signalfd4, rt_sigprocmask, fcntl, close: perl knows only numbers."""


@dataclass(frozen=True)
class Program:
    """A console script of an environment, and what to do once so that its calls are quick.

    The fields after `name` are as in `Options`. `env` is added to the server's environment.
    """

    environment: Environment
    name: str
    preload: tuple[str, ...] = ()
    setup: str = ""
    rehearsals: tuple[tuple[str, ...], ...] = ()
    fresh: tuple[str, ...] = ()
    indifferent: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()


def offer(stack: Stack, program: Program) -> None:
    """Put the wrapper of `program` first in PATH, and start its server; good as a future."""
    put(stack, program)
    start(stack, program)


def put(stack: Stack, program: Program) -> None:
    """Make the program's wrapper in `$DEST/bin`; what it wraps need not run yet."""
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


def start(stack: Stack, program: Program) -> None:
    """Start the program's server, anew if the program has changed.

    Returns before it is warm; until then the real program answers. Where there can be no server
    that is all there is, and the user is told why.
    """
    if not can_be_warm():
        return
    try:
        _start(stack, program)
    except ServiceError as error:
        stack.say(f"WARNING: {program.name} is not kept warm, so each call takes longer: {error}")


def _start(stack: Stack, program: Program) -> None:
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
        idle=stack.settings.number("WARM_IDLE_SECONDS"),
    )
    argv: list[str | Path] = [
        program.environment.python,
        _HERE / "inside" / "start.py",
        options.dump(),
    ]
    stack.run_process(f"warm-{program.name}", argv, env=dict(program.env))


def stop(stack: Stack, name: str) -> None:
    """End the server of the program `name`, and what it runs."""
    stack.stop_process(f"warm-{name}")
    (_directory(stack) / f"{name}.sock").unlink(missing_ok=True)


def withdraw(stack: Stack, name: str) -> None:
    """Remove the wrapper of the program `name`."""
    wrapper(stack, name).unlink(missing_ok=True)


def wrapper(stack: Stack, name: str) -> Path:
    """Return where the program `name` is found first."""
    return stack.dest / "bin" / name


def can_be_warm() -> bool:
    """Return whether the client can work here; else the real program is all there is."""
    return platform.machine() in _SYSTEM_CALLS and all(
        shutil.which(name, path="/usr/bin") for name in ("env", "perl")
    )


def stamp(program: Program) -> str:
    """Return what tells this program, served by this code, from any other."""
    made = program.environment.stamp
    parts = [repr(program), str(made.stat().st_mtime_ns if made.exists() else 0)]
    parts += [path.read_text(encoding="utf-8") for path in sorted(_HERE.rglob("*.p[yl]"))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _directory(stack: Stack) -> Path:
    return stack.dest / "warm"


def _client(stack: Stack, program: Program) -> str:
    values = {
        "REAL": _quoted(program.environment.program(program.name)),
        "DIRECTORY": _quoted(str(_directory(stack))),
        "NAME": _quoted(program.name),
        "STAMP": _quoted(stamp(program)),
        "SYSCALLS": ", ".join(map(str, _SYSTEM_CALLS[platform.machine()])),
    }
    text = (_HERE / "client.pl").read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def _quoted(text: str) -> str:
    """Return `text` as perl's single quotes want it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
