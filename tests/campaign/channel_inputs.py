"""Readers of the pipe of the bash session and of the socket of the fork server."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from doitstack.bash import session as bash_session
from doitstack.bash.protocol import Answer, MessageBuffer, encode_answer
from doitstack.bash.session import Session
from fork_server import Options
from fork_server.protocol import NAMESPACES
from fork_server.protocol import encode as encode_request
from fork_server.server.eligibility import Eligibility, listings
from fork_server.server.import_effects import ImportEffects
from fork_server.server.request import environment
from fork_server.server.server import Server
from tests.campaign.mutator import Target


def _message(*fields: str) -> bytes:
    """Return a message as session.sh sends it."""
    escaped = (field.replace("\\", "\\\\").replace("\n", "\\n") for field in fields)
    text = "".join(f"{field}\0" for field in (f"doitstack {len(fields)}", *escaped))
    return text.encode(errors="surrogateescape")


@contextmanager
def channel_targets(directory: Path) -> Iterator[list[Target]]:
    """Yield the targets; the server lives as long as the block."""
    directory.mkdir()
    samples = tuple(
        _message(*fields)
        for fields in (
            ("done",), ("time", "pip", "12"), ("async_ended", "f", "0"),
            ("async_started", "f", "123", "1000000006000", "c x"),
            ("request", "", "say", "two\nlines \\n", "\udcff"), ("file", str(directory / "long")),
            ("failed", "1", "a.sh:1", "false", "f < g"), ("exited", "1", "a.sh:1", "no", ""),
            ("ended", "1", "", ""),
        )
    )  # fmt: skip
    words = (*samples, b"doitstack 2\0", b"\0")
    pipe = (*samples, b"".join(samples[:5]))
    server = _ForkServer(directory)
    request = server.sample()
    parts = tuple(line + b"\n" for line in request.splitlines())
    try:
        yield [
            Target("pipe", pipe, words, partial(_read_pipe, directory / "long")),
            Target(
                "messages",
                (b"done", b"request\0\0say\0a\nb"),
                (b"\n", b"\\n", b"\\\\", b"\\"),
                _read_message,
            ),
            Target("socket", (request,), (*parts, b"0 1 2", b"-1", b" ", b"\n"), server.read),
        ]
    finally:
        server.close()


class _Listener:
    """Does nothing with what a session reports but what the real listener does with numbers."""

    def async_started(self, name: str, pid: int, start_time: int, command: str) -> None:
        assert isinstance(start_time / 1000, float)
        assert -(1 << 63) <= pid < 1 << 63
        assert isinstance(name + command, str)

    def async_ended(self, name: str, rc: int) -> None:
        assert isinstance(f"{name}{rc}", str)

    def took(self, component: str, milliseconds: int) -> None:
        assert isinstance(milliseconds / 1000, float)
        assert isinstance(component, str)

    def request(self, _verb: str, _arguments: Any, reply: Callable[[Answer], None]) -> None:
        reply(Answer())

    def session_ended(self) -> None:
        """Do nothing."""


class _Process:
    """A bash process that is none: it ends when it is told to."""

    pid = 0

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self) -> Iterator[bytes]:
        for start in range(0, len(self._data), 4096):
            yield self._data[start : start + 4096]

    def __getattr__(self, name: str) -> Callable[..., bytes]:
        return lambda *_: self._data


def _read_pipe(long: Path, data: bytes) -> None:
    long.write_bytes(data)
    session = object.__new__(Session)
    watchdog = SimpleNamespace(session=lambda *_: None, command_mark=lambda _: "")
    vars(session).update(
        _is_lost=False, _failure=None, _inbox=MessageBuffer(), _listener=_Listener(),
        _process=_Process(data), _watchdog=watchdog, _commands_sent=0, _current=None, _queue=[],
    )  # fmt: skip
    with patch.object(bash_session, "stop"):
        session._read()
    encode_answer(Answer(1, data.decode(errors="surrogateescape"), ""))


def _read_message(data: bytes) -> None:
    fields = data.decode(errors="surrogateescape").split("\0")
    sent = ["request", "", *fields]
    assert list(MessageBuffer().take(_message(*sent))) == [sent]


class _ForkServer:
    """A fork server that never forks: whatever it is asked, it must go on."""

    def __init__(self, directory: Path) -> None:
        environ = environment(os.fsdecode(Path("/proc/self/environ").read_bytes()))
        effects = ImportEffects(environ, {"READ": {"module"}}, {}, b"")
        options = Options(str(directory / "tool"), str(directory), "tool", "stamp")
        eligibility = Eligibility(options, effects, listings([]))
        self._path = directory / "tool.sock"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._path))
        listener.listen(8)
        self._server = Server(listener, eligibility, 5.0)
        self._environ = environ

    def close(self) -> None:
        """Close its socket."""
        self._server.close()

    def sample(self) -> bytes:
        """Return a request that is served."""
        own = Path("/proc/self")
        parts = [
            str(os.getpriority(os.PRIO_PROCESS, 0)),
            "0 1 2",
            (own / "status").read_text(),
            (own / "limits").read_text(),
            " ".join(str((own / name).readlink()) for name in NAMESPACES),
            "project\0list\0",
            "".join(f"{name}={value}\0" for name, value in self._environ.items()),
        ]
        return encode_request("stamp", [part.encode(errors="surrogateescape") for part in parts])

    def read(self, data: bytes) -> None:
        """Send a request, then the start or a few signals to a call that runs."""
        before = set(os.listdir("/proc/self/fd"))
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(250)
            client.connect(str(self._path))
            self._server._accept()
            self._send(client, data)
            self._act()
            with suppress(OSError):
                client.send(b"G")
            self._act()
            for call in self._server._to_start:
                assert call.request
                self._server._watch(call.connection.fileno(), lambda: None)
                self._server._disconnect(call)
            self._server._to_start.clear()
        self._act()
        assert set(os.listdir("/proc/self/fd")) == before, "descriptors stay open"

    def _act(self) -> None:
        """Let the server read what its clients have sent."""
        for action in list(self._server._actions.values())[1:]:
            action()

    def _send(self, client: socket.socket, data: bytes) -> None:
        memory = os.memfd_create("request", os.MFD_CLOEXEC)
        os.write(memory, data)
        null, place = os.open(os.devnull, os.O_RDWR), os.open("/", os.O_PATH)
        socket.send_fds(client, [b"?"], [memory, place, null, null, null])
        for descriptor in (memory, place, null):
            os.close(descriptor)
