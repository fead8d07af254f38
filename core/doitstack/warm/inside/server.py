"""Takes calls on a socket and forks for each: one process, one thread, nothing that blocks.

What a call may be is the judge's; what the fork becomes is the worker's. A client is told `+`,
says `?` with its descriptors, is told `!` or left alone, and only its `G` starts the command; from
then on its bytes are signals, and its end is the command's. A client has little patience until it
is promised an answer, and all of it afterwards: so between two forks all who wait are heard.
"""

import os
import select
import signal
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from .judge import Judge
from .request import BadRequestError, Request, receive

_CREDENTIALS = struct.Struct("iii")
_TO_GROUP = frozenset(
    {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGSTOP, signal.SIGCONT}
)
"""What a terminal or a shell sends to a whole group."""
_ALL = signal.valid_signals()


@dataclass
class Call:
    """One client: what it asks for, then the process that does it."""

    connection: socket.socket
    request: Request | None = None
    pid: int = 0
    handle: int = -1


class Server:
    """Serves `listener` until nothing has run for `idle` s, or until the program has changed."""

    def __init__(self, listener: socket.socket, judge: Judge, idle: float) -> None:
        self._listener = listener
        self._judge = judge
        self._idle = idle
        self._poll = select.poll()
        self._actions: dict[int, Callable[[], None]] = {}
        self._promised: deque[Call] = deque()
        self._last = time.monotonic()
        self._is_open = True
        listener.settimeout(0)
        self._watch(listener.fileno(), self._accept)

    def serve(self) -> Request | None:
        """Return None when all is done; in a forked child, return the request to be carried out."""
        while self._actions or self._promised:
            events = self._poll.poll(self._patience())
            if not events and not self._promised:
                break  # idle
            for descriptor, _ in events:
                if action := self._actions.get(descriptor):
                    action()
            if self._promised and (request := self._start(self._promised.popleft())):
                return request
        return None

    @property
    def is_outdated(self) -> bool:
        """Whether the program has changed since it was imported."""
        return not self._is_open

    def close(self) -> None:
        """Take no more calls; those that run go on."""
        if self._is_open:
            self._is_open = False
            self._forget(self._listener.fileno())
            self._listener.close()

    def _patience(self) -> float | None:
        """Return for how long (ms) nothing need come: for ever, while anybody is talked to."""
        if self._promised:
            return 0
        if not self._is_open or len(self._actions) > 1:
            return None
        return max(0, self._last + self._idle - time.monotonic()) * 1000

    def _watch(self, descriptor: int, action: Callable[[], None]) -> None:
        self._poll.register(descriptor, select.POLLIN)
        self._actions[descriptor] = action

    def _forget(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        del self._actions[descriptor]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                credentials = connection.getsockopt(
                    socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size
                )
                if _CREDENTIALS.unpack(credentials)[1] != os.geteuid():
                    connection.close()
                    continue
                connection.settimeout(0)
                connection.send(b"+")
                call = Call(connection)
                self._watch(connection.fileno(), partial(self._hear, call))

    def _hear(self, call: Call) -> None:
        """Take the next word of a client."""
        if call.pid:
            self._forward(call)
            return
        try:
            if call.request is None:
                self._consider(call)
                return
            word = call.connection.recv(1)
        except BadRequestError as error:
            if str(error):
                print(f"left to the real command: {error}", flush=True)  # noqa: T201 - the log
            word = b""
        except BlockingIOError:
            return
        except OSError:  # the client has gone
            word = b""
        if word == b"G":
            # What it says next waits until there is somebody to be told.
            self._forget(call.connection.fileno())
            self._promised.append(call)
        else:
            self._hang_up(call)

    def _consider(self, call: Call) -> None:
        """Read the request and say that it can be done; raise BadRequestError if it cannot."""
        call.request = receive(call.connection)
        if self._judge.is_stale():
            self.close()
        objection = "" if self._is_open else "the program has changed"
        objection = objection or self._judge.objection(call.request)
        if objection:
            raise BadRequestError(objection)
        call.connection.send(b"!")

    def _start(self, call: Call) -> Request | None:
        assert call.request
        self._watch(call.connection.fileno(), partial(self._hear, call))
        # What is sent to the command while it still is a server waits until it is the command.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _ALL)
        try:
            pid = os.fork()
        except OSError:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            # It has been promised that the command is not run elsewhere.
            self._hang_up(call)
            return None
        if pid == 0:
            return call.request
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        with suppress(OSError):
            os.setpgid(pid, pid)
        call.request.close()
        call.pid, call.handle = pid, os.pidfd_open(pid)
        self._watch(call.handle, partial(self._reap, call))
        return None

    def _forward(self, call: Call) -> None:
        """Pass on the signals that the client got; when it is gone, so is the command."""
        try:
            words = call.connection.recv(64)
        except BlockingIOError:
            return
        except OSError:
            words = b""
        if not words:
            self._forget(call.connection.fileno())
            call.connection.close()
        for number in words or [signal.SIGKILL]:
            with suppress(ProcessLookupError):
                if number in _TO_GROUP or not words:
                    os.killpg(call.pid, number)
                else:
                    os.kill(call.pid, number)

    def _reap(self, call: Call) -> None:
        _, status = os.waitpid(call.pid, 0)
        self._forget(call.handle)
        os.close(call.handle)
        self._last = time.monotonic()
        if call.connection.fileno() >= 0:
            with suppress(OSError):
                call.connection.send(struct.pack("I", status))
            self._forget(call.connection.fileno())
            call.connection.close()

    def _hang_up(self, call: Call) -> None:
        if call.request:
            call.request.close()
        self._forget(call.connection.fileno())
        call.connection.close()
