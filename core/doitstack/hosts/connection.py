"""A connection to another host: one ssh, with our agent at its other end."""

import json
import math
import os
import select
import shlex
import socket
import subprocess
import time
from typing import Any

from doitstack.config.hosts import Host
from doitstack.errors import StepError
from doitstack.hosts.agent_program import BOOT, agent_program
from doitstack.hosts.urgency import calm, hurry
from doitstack.processes.line_buffer import LineBuffer

Message = dict[str, Any]

FIRST_WORD = 60.0
"""Seconds in which a host must answer: ssh has to connect, and Python to start there."""

LEASE = 1.5
"""Seconds of silence after which each side believes that the other has gone."""

BEAT = 0.3
"""Seconds between two signs of life."""

_FIRST_BEATS = 3
"""How often the clocks are compared at once."""

CLOSING = 2.0
"""Seconds that ssh has for its end."""


class Connection:
    """Messages to and from the agent on `host`.

    Attributes:
        facts: what the agent has told of its host.
        offset: how far the clock there is ahead of ours (s). It is the difference between the clock
            there and the middle of a round trip here, as in NTP (RFC 5905, section 8). Of all
            beats, that with the shortest round trip counts; half of that is the greatest error.
    """

    def __init__(self, host: Host) -> None:
        """Connect. Raises StepError."""
        self.host = host
        self._stdin, theirs = socket.socketpair()
        with theirs:
            self._ssh = _start(host, theirs)
        self._buffer = LineBuffer()
        self._beat = 0.0
        self._heard = time.monotonic()
        self._has_lease = False
        self.offset = 0.0
        self._round_trip = math.inf
        self.facts: Message = {}
        try:
            self.facts = self._begin()
            for _ in range(_FIRST_BEATS):
                self.ask("beat", beat=time.time())
        except BaseException:
            self.close()
            raise

    def _begin(self) -> Message:
        """Start the agent and return the facts of its host; skip what a login shell prints."""
        self._write(agent_program())
        deadline = time.monotonic() + FIRST_WORD
        while time.monotonic() < deadline:
            for message in self.receive(0.1):
                if isinstance(message.get("hello"), dict):
                    return dict(message["hello"])
        raise self._lost(f"it has not answered for {FIRST_WORD:g} s")

    def hold_lease(self) -> None:
        """From now on, end the run there if this side falls silent, and fail if that side does.

        So this side must not be late, which root can have: it needs little time, but that at once.
        """
        hurry()
        hurry(self._ssh.pid)
        self.send(lease=LEASE)
        self._heard = time.monotonic()
        self._has_lease = True

    def send(self, raw: bytes = b"", **message: Any) -> None:
        """Send a message, and bytes after it. Raises StepError."""
        self._write(json.dumps(message).encode() + b"\n" + raw)

    def ask(self, answer: str, raw: bytes = b"", **message: Any) -> Any:
        """Send a message and return the answer of that name. Raises StepError.

        The agent does nothing else meanwhile, so its silence is no sign.
        """
        self.send(raw, **message)
        had_lease, self._has_lease = self._has_lease, False
        try:
            while True:
                for reply in self.receive(0.1):
                    if "failed" in reply:
                        raise StepError(f"{self.host.name}: {reply['failed']}")
                    if answer in reply:
                        return reply[answer]
        finally:
            self._heard = time.monotonic()
            self._has_lease = had_lease

    def receive(self, timeout: float, *others: int) -> list[Message]:
        """Return the messages that are there, waiting up to `timeout` s for the first.

        It returns earlier if one of the descriptors `others` is readable. Raises StepError if the
        connection is lost.
        """
        now = time.monotonic()
        if self._has_lease and now - self._beat > BEAT:
            self._beat = now
            self.send(beat=time.time())
        out = self._ssh.stdout
        assert out
        ready = select.select([out.fileno(), *others], [], [], timeout)[0]
        if out.fileno() not in ready:
            if self._has_lease and time.monotonic() - self._heard > LEASE:
                raise self._lost(f"nothing was heard of it for {LEASE:g} s")
            return []
        data = os.read(out.fileno(), 1 << 18)
        if not data:
            raise self._lost(self._end_of_ssh())
        self._heard = time.monotonic()
        messages = [message for line in self._buffer.lines(data) if (message := _decoded(line))]
        for message in messages:
            if "beat" in message:
                self._compare_clocks(message["beat"], message["clock"])
        return messages

    def _compare_clocks(self, sent: float, clock: float) -> None:
        """Learn from the answer to a beat how far the clock there is ahead."""
        now = time.time()
        if 0 <= now - sent < self._round_trip:
            self._round_trip = now - sent
            self.offset = clock - (sent + now) / 2

    def _write(self, data: bytes) -> None:
        try:
            # Commands that print a list end at SIGPIPE; that is meant for their output.
            view = memoryview(data)
            while view:
                view = view[self._stdin.send(view, socket.MSG_NOSIGNAL) :]
        except OSError as error:
            raise self._lost(self._end_of_ssh()) from error

    def _end_of_ssh(self) -> str:
        return f"ssh has ended with code {self._ssh.wait()}"

    def _lost(self, reason: str) -> StepError:
        name = self.host.name
        if not self.facts:
            remedy = f"ssh to {self.host.address} must work without a question"
            return StepError(f"there is no connection to {name}: {reason}; {remedy}")
        return StepError(f"the connection to {name} is lost: {reason}")

    def close(self) -> None:
        """End the connection; the agent ends what still runs there."""
        assert self._ssh.stdout
        if self._has_lease:
            calm()
        self._stdin.close()
        self._ssh.stdout.close()
        try:
            self._ssh.wait(timeout=CLOSING)
        except subprocess.TimeoutExpired:
            self._ssh.kill()
            self._ssh.wait()


def _start(host: Host, stdin: socket.socket) -> subprocess.Popen[bytes]:
    """Start ssh; signals to this process's group do not reach it, so the run there can be ended."""
    remote = f"exec {shlex.quote(host.python)} -I -c {shlex.quote(BOOT)}"
    ignoring = 'trap "" TERM INT HUP; exec "$@"'
    return subprocess.Popen(
        ["sh", "-c", ignoring, "sh", *host.ssh, remote],
        stdin=stdin.fileno(),
        stdout=subprocess.PIPE,
        bufsize=0,
    )


def _decoded(line: bytes) -> Message | None:
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None
