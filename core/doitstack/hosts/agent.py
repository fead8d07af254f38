"""The program on another host that watches over the run there. Needs only Python's own library.

With what it imports of ours it is one program (see `agent_program`), which arrives through ssh. It
takes messages from stdin and answers on stdout. A message is a line of JSON, an object with one
verb; after a `put` come as many bytes as it says. If nothing has come for `lease` seconds, or the
channel has ended, it kills the run; the run's own watchdogs then end what that has started.

It must be understood by older versions of Python, so that it can report that the version is wrong.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import selectors
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from doitstack.hosts.agent_files import Upload, make_environment, replace, use_environment
from doitstack.hosts.urgency import hurry, hurry_parent

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
_prctl = ctypes.CDLL(None).prctl

PREPARATION = 120.0
"""Seconds of silence that mean nothing before the run: the other side may pack its archive."""

GRACE = 3.0
"""Seconds that the watchdogs of a run that was killed have to end the rest of it."""

_LAST_OUTPUT = 0.5  # s; a daemon may keep the output of a run open
_CHUNK = 1 << 18


class GoneError(Exception):
    """The other side has gone."""


class Agent:
    """One connection.

    Args:
        inbox: the descriptor of what the other side sends.
        out: the descriptor of the way back.
    """

    def __init__(self, inbox: int, out: int) -> None:
        self._inbox = inbox
        self._out = out
        os.set_blocking(out, False)
        self._buffer = b""
        self._upload: Upload | None = None
        self._poll = selectors.DefaultSelector()
        self._lease = PREPARATION
        self._heard = time.monotonic()
        self._run: _Run | None = None

    def _send(self, **message: Any) -> None:
        """Send a message. Raises GoneError, also if nobody takes it: then the link is cut."""
        data = memoryview(json.dumps(message).encode() + b"\n")
        try:
            while data:
                left = max(0, self._heard + self._lease - time.monotonic())
                if not select.select([], [self._out], [], left)[1]:
                    raise GoneError
                with suppress(BlockingIOError):
                    data = data[os.write(self._out, data) :]
        except OSError as error:
            raise GoneError from error

    def serve(self) -> None:
        """Serve until the run has ended, the other side has gone, or the lease is over."""
        _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._poll.register(self._inbox, selectors.EVENT_READ, self._read)
        try:
            with suppress(GoneError):
                self._send(hello=_facts())
                while not self._is_over():
                    for key, _ in self._poll.select(0.1):
                        key.data()
        finally:
            if self._run:
                self._run.kill()

    def _is_over(self) -> bool:
        """Return whether the run has ended, which is told, or the other side is silent."""
        code = self._run.process.poll() if self._run else None
        if code is not None:
            self._send_rest()
            self._send(end=code)
            return True
        is_silent = time.monotonic() - self._heard > self._lease
        return is_silent and not select.select([self._inbox], [], [], 0)[0]

    def _read(self) -> None:
        """Take what the other side has sent. Raises GoneError at its end."""
        data = os.read(self._inbox, _CHUNK)
        if not data:
            raise GoneError
        self._buffer += data
        while self._take():
            pass
        self._heard = time.monotonic()

    def _take(self) -> bool:
        """Take a message, or a part of a file, from the buffer; return whether there was one."""
        if self._upload:
            taken = self._upload.add(self._buffer)
            self._buffer = self._buffer[taken:]
            self._upload = self._upload if self._upload.left else None
            return taken > 0
        line, is_whole, rest = self._buffer.partition(b"\n")
        if is_whole:
            self._buffer = rest
            for verb, argument in json.loads(line).items():
                self._obey(verb, argument)
        return bool(is_whole)

    def _obey(self, verb: str, argument: Any) -> None:
        try:
            getattr(self, f"_on_{verb}")(argument)
        except OSError as error:
            self._send(failed=f"{verb}: {error}")

    def _on_beat(self, sent: float) -> None:
        """Answer a sign of life, with the clock of this host."""
        self._send(beat=sent, clock=time.time())

    def _on_lease(self, seconds: float) -> None:
        """Limit the silence of the other side (s); root's agent is seldom late itself, then."""
        self._lease = seconds
        hurry()
        hurry_parent("sshd")

    def _on_look(self, path: str) -> None:
        """Tell whether a path exists."""
        self._send(exists=_at_home(path).exists())

    def _on_put(self, what: dict[str, Any]) -> None:
        """Take a file of `size` bytes, which is not 0."""
        self._upload = Upload(_at_home(what["path"]), what["size"])

    def _on_do(self, argv: list[str]) -> None:
        """Run a short program, and tell that it is done or why it failed."""
        done = subprocess.run(
            [os.path.expanduser(word) for word in argv],  # noqa: PTH111 - most are no paths
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            output = done.stdout.decode(errors="replace").strip()
            self._send(failed=f"{argv[0]} ended with code {done.returncode}: {output}")
        else:
            self._send(done=0)

    def _on_use(self, path: str) -> None:
        """Tell whether there is an environment, and take note that it is used."""
        self._send(exists=use_environment(_at_home(path)))

    def _on_unpack(self, what: dict[str, str]) -> None:
        """Make an environment of an archive that was put here."""
        path = _at_home(what["path"])
        make_environment(path, _at_home(what["archive"]))
        self._send(unpacked=str(path))

    def _on_replace(self, what: dict[str, Any]) -> None:
        """Replace the named files of a directory by those in an archive that was put here."""
        path = _at_home(what["path"])
        replace(path, what["names"], _at_home(what["archive"]))
        self._send(replaced=str(path))

    def _on_run(self, what: dict[str, Any]) -> None:
        """Run a program in a directory; its output and its end are told."""
        self._run = run = _Run(_at_home(what["directory"]), what["argv"], what["variable"])
        for key, descriptor in (("output", run.output), ("line", run.channel.fileno())):
            rest = _Lines(descriptor)
            self._poll.register(
                descriptor,
                selectors.EVENT_READ,
                lambda key=key, rest=rest: self._forward(key, rest),
            )

    def _on_tell(self, line: str) -> None:
        """Pass a message on to the run, unless it has ended."""
        if self._run:
            with suppress(OSError):
                self._run.channel.sendall(line.encode() + b"\n")

    def _on_stop(self, number: int) -> None:
        """Send a signal to the run."""
        if self._run:
            self._run.process.send_signal(number)

    def _forward(self, key: str, lines: _Lines) -> None:
        """Send the lines that the run has written."""
        for line in lines.read():
            self._send(**{key: line.decode(errors="surrogateescape")})
        if lines.has_ended:
            self._poll.unregister(lines.descriptor)

    def _send_rest(self) -> None:
        """Send what the run has written last."""
        deadline = time.monotonic() + _LAST_OUTPUT
        while time.monotonic() < deadline:
            ready = [key for key, _ in self._poll.select(0) if key.fd != self._inbox]
            if not ready:
                return
            for key in ready:
                key.data()


class _Lines:
    """The whole lines of a descriptor.

    Attributes:
        has_ended: whether nothing more will come.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.has_ended = False
        self._rest = b""

    def read(self) -> list[bytes]:
        """Return the lines that are there; at the end also one that is not ended."""
        try:
            data = os.read(self.descriptor, _CHUNK)
        except OSError:
            data = b""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if not data:
            self.has_ended = True
            lines, self._rest = [self._rest] if self._rest else [], b""
        return lines


class _Run:
    """A program that runs here.

    Attributes:
        output: the descriptor of its output.
        channel: our end of its channel; it finds the other end by the environment variable.
    """

    def __init__(self, directory: Path, argv: list[str], variable: str) -> None:
        self.output, writer = os.pipe()
        self.channel, theirs = socket.socketpair()
        parent = os.getpid()

        def begin() -> None:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

        self.process = subprocess.Popen(
            [os.path.expanduser(word) for word in argv],  # noqa: PTH111 - most are no paths
            cwd=directory,
            env={**os.environ, variable: str(theirs.fileno())},
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
            preexec_fn=begin,  # noqa: PLW1509 - there is one thread
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        os.close(writer)
        theirs.close()

    def kill(self) -> None:
        """Kill it, unless it has ended, and wait until its watchdogs have ended the rest."""
        if self.process.poll() is not None:
            return
        self.process.kill()
        deadline = time.monotonic() + GRACE
        with suppress(ChildProcessError):
            while time.monotonic() < deadline:
                if os.waitpid(-1, os.WNOHANG) == (0, 0):
                    time.sleep(0.01)


def _at_home(path: str) -> Path:
    """Return a path below the home directory."""
    return Path.home() / path


def _facts() -> dict[str, Any]:
    """Return what the other side must know of this host."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return {
        "kind": f"{version} {os.uname().machine}",
        "clock": time.time(),
        "connection": os.environ.get("SSH_CONNECTION", ""),
    }


def main() -> None:
    """Serve the other side of ssh; no program that runs here can write into the way back."""
    inbox, out = os.dup(0), os.dup(1)  # neither is inherited
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    Agent(inbox, out).serve()
    os._exit(0)
