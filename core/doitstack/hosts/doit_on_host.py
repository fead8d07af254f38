"""A command of doit on another host: the action of the future `stack@HOST`."""

import json
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from doitstack.config.cache_directories import HOSTS, cache_directory
from doitstack.config.host_settings import COPIED, REPOSITORIES
from doitstack.config.hosts import Host
from doitstack.errors import CommandError, StepError
from doitstack.futures.other_hosts import CHANNEL_VARIABLE
from doitstack.hosts.connection import Connection, Message
from doitstack.hosts.environment import KIND, environment_archive
from doitstack.hosts.stack_files import Repositories, directory_of, packed_files
from doitstack.processes.line_buffer import LineBuffer
from doitstack.processes.signals import Terminated
from doitstack.stack import Stack

GRACE = 4.0
"""Seconds that a run on another host has for its end after this one was interrupted."""


Show = Callable[[str], object]
"""Called with each line that doit writes on another host."""


def doit_on_host(
    stack: Stack, host: Host, words: Sequence[str], channel: socket.socket | None = None
) -> None:
    """Run doit on `host` to its end, with its output as ours. Raises StepError, CommandError.

    The host gets our environment and the user's files first.

    Args:
        words: the command of doit.
        channel: where the ends of futures are told, and learnt of.
    """
    try:
        with _connected(host) as connection:
            environment = _provide_environment(stack, connection)
            _provide_files(stack, connection, environment)
            connection.hold_lease()
            plain = ["--console", "plain", *words]
            code = _Run(connection, channel, _print).run(environment, plain)
    except StepError as error:
        if channel:
            channel.sendall(json.dumps({"lost": str(error)}).encode() + b"\n")
        raise
    if code:
        raise CommandError(f"doit {' '.join(words)} on {host.name} ended with code {code}", code)


def ask_host(stack: Stack, host: Host, words: Sequence[str], show: Show) -> int:
    """Run a command of doit on `host` that only shows something; return its exit code.

    Raises StepError if the host cannot be reached, or was never stacked.
    """
    with _connected(host) as connection:
        environment = _place_of(_archive(stack))
        if not connection.ask("exists", look=f"{directory_of(host)}/local.conf"):
            raise StepError(f"nothing has been stacked on {host.name} yet")
        if not connection.ask("exists", use=environment):
            raise StepError(f"{host.name} has another version of doitstack; run `doit stack` first")
        connection.hold_lease()
        return _Run(connection, None, show).run(environment, words)


def _print(line: str) -> None:
    sys.stdout.buffer.write(line.encode(errors="surrogateescape") + b"\n")
    sys.stdout.flush()


@contextmanager
def _connected(host: Host) -> Iterator[Connection]:
    connection = Connection(host)
    try:
        _check(connection)
        yield connection
    finally:
        connection.close()


def _archive(stack: Stack) -> Path:
    return environment_archive(cache_directory(stack.settings) / HOSTS)


def _place_of(archive: Path) -> str:
    """Return where the environment of an archive is on another host."""
    return f".cache/doitstack/environments/{archive.stem}"


def _check(connection: Connection) -> None:
    kind = connection.facts.get("kind")
    if kind != KIND:
        raise StepError(
            f"{connection.host.name} has Python and processor {kind}, and this host {KIND}; "
            f"install that version there, or name it by ansible_python_interpreter in HOSTS_FILE"
        )


def _provide_environment(stack: Stack, connection: Connection) -> str:
    """Return where our environment is on the host; bring it there if it is not."""
    source = _archive(stack)
    place = _place_of(source)
    if not connection.ask("exists", use=place):
        data = source.read_bytes()
        stack.say(f"bringing doitstack to {connection.host.name}: {len(data) / 2**20:.0f} MiB")
        # Hosts may share a home directory.
        target = f"{place}.{connection.host.name}.tgz"
        connection.send(data, put={"path": target, "size": len(data)})
        connection.ask("unpacked", unpack={"path": place, "archive": target})
    return place


def _provide_files(stack: Stack, connection: Connection, environment: str) -> None:
    directory = directory_of(connection.host)
    init = [f"~/{environment}/bin/python", "-m", "doitstack", "init", f"~/{directory}"]
    connection.ask("done", do=init)
    files = packed_files(stack, connection.host, connection.facts)
    _replace(connection, [*COPIED, "local.conf"], files)
    clones = Repositories(stack)
    if clones.digest and not connection.ask("exists", look=f"{directory}/{clones.mark}"):
        _replace(connection, [REPOSITORIES], clones.packed())


def _replace(connection: Connection, names: list[str], files: bytes) -> None:
    """Replace the files of these names in the stack directory of a host by those of an archive."""
    directory = directory_of(connection.host)
    archive = f"{directory}/.files.tgz"
    connection.send(files, put={"path": archive, "size": len(files)})
    connection.ask("replaced", replace={"path": directory, "archive": archive, "names": names})


class _Run:
    """One run on another host, and what goes back and forth meanwhile."""

    def __init__(self, connection: Connection, channel: socket.socket | None, show: Show) -> None:
        self._connection = connection
        self._channel = channel
        self._show = show
        self._buffer = LineBuffer()
        self._deadline: float | None = None

    def run(self, environment: str, words: Sequence[str]) -> int:
        """Run it; return its exit code. After a signal to this process, it is interrupted."""
        self._connection.send(
            run={
                "directory": directory_of(self._connection.host),
                "argv": [f"~/{environment}/bin/doit", *words],
                "variable": CHANNEL_VARIABLE,
            }
        )
        while True:
            try:
                code = self._turn()
            except (Terminated, KeyboardInterrupt) as signalled:
                if self._deadline is None:
                    self._deadline = time.monotonic() + GRACE
                    # SIGINT would show where in its start-up Python was.
                    self._connection.send(stop=signal.SIGTERM)
                reason = signalled
                continue
            if code is not None:
                if self._deadline is not None:
                    raise reason
                return code

    def _turn(self) -> int | None:
        """Pass on what is there; return the code of the run once it has ended."""
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise StepError(f"the run on {self._connection.host.name} has not ended in time")
        others = [self._channel.fileno()] if self._channel else []
        messages = self._connection.receive(0.1, *others)
        if self._channel:
            self._pass_on(self._channel)
        for message in messages:
            if (code := self._take(message)) is not None:
                return code
        return None

    def _pass_on(self, channel: socket.socket) -> None:
        """Tell the run what the main process says."""
        try:
            data = channel.recv(1 << 16, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        for line in self._buffer.lines(data):
            self._connection.send(tell=_shifted(line.decode(), self._connection.offset))

    def _take(self, message: Message) -> int | None:
        match message:
            case {"output": str(line)}:
                self._show(line)
            case {"line": str(line)} if self._channel:
                ours = _shifted(line, -self._connection.offset)
                self._channel.sendall(ours.encode() + b"\n")
            case {"end": int(code)}:
                return code
        return None


def _shifted(line: str, seconds: float) -> str:
    """Return a message about a future by the clock of the other side."""
    message = json.loads(line)
    times = {name: message[name] + seconds for name in ("start", "end") if name in message}
    return json.dumps({**message, **times})
