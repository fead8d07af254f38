"""Accept calls on a socket and fork for each: one process, one thread, nothing that blocks.

A daemon has a server of its own, a fork of this one, which ends with it and outlives this one.

Eligibility decides which calls are served, and the worker is what a fork runs. See protocol.py for
the words. Until a call is accepted its client waits PATIENCE seconds, afterwards for any time: so
all clients are answered before the next fork.

The modules of a program may replace functions and classes of the standard library, as eventlet
does. So those that wait are imported by their names, before that.
"""

import os
import signal
import struct
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from os import waitpid
from select import POLLIN, poll
from socket import AF_UNIX, SOCK_STREAM, socket

from ..protocol import ACCEPTED, DAEMON, GREETING, NOT_STARTED, START, peer
from .eligibility import Eligibility
from .proc_entry import show_in_proc
from .request import BadRequestError, Request, receive

_TO_GROUP = frozenset(
    {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGSTOP, signal.SIGCONT}
)
"""The signals that a terminal or a shell sends to a whole process group."""
_TO_END = (signal.SIGHUP, signal.SIGTERM)
_ALL = signal.valid_signals()


@dataclass
class Call:
    """One client: its request, then the process that runs the program."""

    connection: socket
    request: Request | None = None
    pid: int = 0
    handle: int = -1
    is_daemon: bool = False


class Server:
    """Serves `listener` until nothing has run for `idle` seconds, or the program has changed."""

    def __init__(self, listener: socket, eligibility: Eligibility, idle: float) -> None:
        self._listener = listener
        self._eligibility = eligibility
        self._idle = idle
        self._poll = poll()
        self._actions: dict[int, Callable[[], None]] = {}
        self._to_start: deque[Call] = deque()
        self._last = time.monotonic()
        self._is_open = True
        self.pid = os.getpid()
        self.is_detached = False
        """Whether this process serves one daemon alone."""
        listener.settimeout(0)
        self._watch(listener.fileno(), self._accept)

    def serve(self) -> Request | None:
        """Return None at the end of the server; in a fork, return the request to serve."""
        while self._actions or self._to_start:
            events = self._poll.poll(self._timeout())
            if not events and not self._to_start:
                break  # idle
            for descriptor, _ in events:
                if action := self._actions.get(descriptor):
                    action()
            if self._to_start and (request := self._start(self._to_start.popleft())):
                return request
        return None

    @property
    def is_outdated(self) -> bool:
        """Whether the program has changed since it was imported."""
        return not self._is_open

    def close(self) -> None:
        """Accept no more calls; those that run go on."""
        if self._is_open:
            self._is_open = False
            self._forget(self._listener.fileno())
            self._listener.close()

    def _timeout(self) -> float | None:
        """Return how long to wait for events (ms); None if there is a client."""
        if self._to_start:
            return 0
        if not self._is_open or len(self._actions) > 1:
            return None
        return max(0, self._last + self._idle - time.monotonic()) * 1000

    def _watch(self, descriptor: int, action: Callable[[], None]) -> None:
        self._poll.register(descriptor, POLLIN)
        self._actions[descriptor] = action

    def _forget(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        del self._actions[descriptor]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                # `accept` itself looks up the class, which may have been replaced.
                descriptor, _ = self._listener._accept()  # type: ignore[attr-defined]
                connection = socket(AF_UNIX, SOCK_STREAM, 0, descriptor)
                _, user = peer(connection)
                if user != os.geteuid():
                    connection.close()
                    continue
                connection.settimeout(0)
                connection.send(GREETING)
                call = Call(connection)
                self._watch(connection.fileno(), partial(self._read, call))

    def _read(self, call: Call) -> None:
        """Read what a client has sent."""
        if call.pid:
            self._forward(call)
            return
        try:
            if call.request is None:
                self._check(call)
                return
            word = call.connection.recv(1)
        except BadRequestError as error:
            if str(error):
                print(f"left to the real command: {error}", flush=True)  # noqa: T201 - the log
            word = b""
        except BlockingIOError:
            return
        except OSError:  # the client has left
            word = b""
        if word in (START, DAEMON):
            call.is_daemon = word == DAEMON
            # Signals that it sends next wait until there is a process to send them to.
            self._forget(call.connection.fileno())
            self._to_start.append(call)
        else:
            self._disconnect(call)

    def _check(self, call: Call) -> None:
        """Read a request and accept it. Raises BadRequestError if it cannot be served."""
        call.request = receive(call.connection)
        if self._eligibility.is_stale():
            self.close()
        obstacle = "" if self._is_open else "the program has changed"
        obstacle = obstacle or self._eligibility.obstacle(call.request)
        if obstacle:
            raise BadRequestError(obstacle)
        call.connection.send(ACCEPTED)

    def _start(self, call: Call) -> Request | None:
        """Fork; return the request in the fork, and None in the server."""
        assert call.request
        if call.is_daemon and not self._detach(call):
            return None
        self._watch(call.connection.fileno(), partial(self._read, call))
        # Signals for the program wait until the fork handles them as the program would.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _ALL)
        try:
            pid = os.fork()
        except OSError as error:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            _refuse(call, error)
            self._disconnect(call)
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

    def _detach(self, call: Call) -> bool:
        """Let a new process serve `call`; return whether this is it."""
        try:
            child = os.fork()
        except OSError as error:
            child = 0
            _refuse(call, error)
        else:
            if child == 0:
                self._become_server_of(call)
                return True
            waitpid(child, 0)
        assert call.request
        call.request.close()
        call.connection.close()
        self._last = time.monotonic()
        return False

    def _become_server_of(self, call: Call) -> None:
        """Be a process that belongs to the caller's, not to the server, and serves `call` alone."""
        assert call.request
        try:
            if os.fork():
                os._exit(0)
        except OSError as error:
            _refuse(call, error)
            os._exit(1)
        os.setsid()
        for number in _TO_END:
            signal.signal(number, signal.SIG_IGN)  # the daemon decides
        # The objects of closed descriptors must not be collected, as they would close others.
        self._others = (self._listener, self._actions, self._to_start)
        self._poll, self._actions, self._to_start = poll(), {}, deque()
        self._is_open, self.is_detached, self.pid = False, True, os.getpid()
        _close_all_but(call.connection.fileno(), *call.request.descriptors)
        show_in_proc(call.request.argv, call.request.environ)

    def _forward(self, call: Call) -> None:
        """Forward signals of the client; if it has left, kill the program."""
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
            with suppress(OSError):  # it has ended, or there is no such signal
                if number in _TO_GROUP or not words:
                    os.killpg(call.pid, number)
                else:
                    os.kill(call.pid, number)

    def _reap(self, call: Call) -> None:
        _, status = waitpid(call.pid, 0)
        self._forget(call.handle)
        os.close(call.handle)
        self._last = time.monotonic()
        if call.connection.fileno() >= 0:
            with suppress(OSError):
                call.connection.send(struct.pack("I", status))
            self._forget(call.connection.fileno())
            call.connection.close()

    def _disconnect(self, call: Call) -> None:
        if call.request:
            call.request.close()
        self._forget(call.connection.fileno())
        call.connection.close()


def _refuse(call: Call, error: OSError) -> None:
    print(f"left to the real command: cannot fork: {error}", flush=True)  # noqa: T201 - the log
    with suppress(OSError):  # the client has left
        call.connection.send(NOT_STARTED)


def _close_all_but(*kept: int) -> None:
    """Close all descriptors but `kept` and the standard ones."""
    last = 2
    for number in sorted({*kept, os.sysconf("SC_OPEN_MAX")}):
        if number > last + 1:  # of an empty range, os.closerange(0, 0) makes everything
            os.closerange(last + 1, number)
        last = number
