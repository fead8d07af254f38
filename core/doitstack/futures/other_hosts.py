"""The ends of futures on other hosts, as this run learns of them, and of ours, as others do.

On the controller there is a channel to the process that is connected to each host; on another host
there is one, to the controller, which passes on what is not its own. Messages are lines of JSON;
the process that is connected to a host changes the times in them from one clock to the other.
"""

import json
import os
import socket
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from functools import partial
from itertools import takewhile
from typing import NamedTuple

from doitstack.config.hosts import CONTROLLER
from doitstack.futures.future import Future
from doitstack.futures.registry import FutureRegistry
from doitstack.futures.run_context import RunContext
from doitstack.journal.events import FutureEnd
from doitstack.processes.line_buffer import LineBuffer
from doitstack.scheduling.scheduler import PENDING, TaskState

CHANNEL_VARIABLE = "DOITSTACK_CONTROLLER"
"""The environment variable with the descriptor of the channel to the controller."""


class OtherHosts:
    """What this run knows of the runs on other hosts.

    Args:
        this_host: the name of this host.
        hosts: the names of all hosts.
        channel: the descriptor of the channel to the controller; None on the controller.
    """

    def __init__(
        self,
        run: RunContext,
        futures: FutureRegistry,
        *,
        this_host: str,
        hosts: Collection[str],
        channel: int | None = None,
    ) -> None:
        self._run = run
        self._futures = futures
        self._this_host = this_host
        self._hosts = hosts
        self._channels: dict[str, _Channel] = {}
        self._own: dict[str, _End] = {}
        self._ends: dict[str, _End] = {}
        self._lost: dict[str, str] = {}
        self._never: dict[str, str] = {}
        self._awaited_by: dict[str, set[str]] = {}
        # The futures of this run that may still begin; None if all may.
        self._coming: set[str] | None = None
        # A user has started it on the host itself, where the others are as they are.
        self._is_alone = channel is None and this_host != CONTROLLER
        futures.collector.on_wait = self.expect
        futures.collector.on_planned_wait = self._reach
        futures.on_end.append(
            lambda one: self._own_ended(one.name, _End(one.code, one.start_time, one.end_time))
        )
        if channel is not None:
            os.set_inheritable(channel, False)  # noqa: FBT003 - its only form
            self._open(CONTROLLER, socket.socket(fileno=channel))

    def _open(self, host: str, end: socket.socket) -> None:
        self._channels[host] = channel = _Channel(end, partial(self._hear, host))
        self._run.loop.watch(end.fileno(), lambda: self._read(host, channel))

    def connect(self, host: str, future: Future) -> socket.socket:
        """Return the end of a new channel for the process of `future`, which talks to `host`."""
        ours, theirs = socket.socketpair()
        self._lost.pop(host, None)
        self._open(host, ours)
        future.when_ended(lambda _: self._close(host, theirs))
        return theirs

    def _close(self, host: str, theirs: socket.socket) -> None:
        """End the channel to a host: nothing more is learnt of its futures."""
        theirs.close()
        channel = self._channels.pop(host, None)
        if channel:
            channel.receive()
            self._run.loop.forget(channel.end.fileno())
            channel.end.close()
        self._lose(host, f"the run on {host} has ended without it")

    def close(self) -> None:
        """End all channels."""
        for channel in self._channels.values():
            self._run.loop.forget(channel.end.fileno())
            channel.end.close()
        self._channels.clear()

    # -- futures of other hosts ----------------------------------------------------------------

    def await_end(self, future: Future) -> None:
        """End the declared future NAME@HOST once the run on that host reports its end."""
        if controller := self._channels.get(CONTROLLER):
            controller.send(awaited=future.name)
        self._futures.start_when_possible(future, lambda: self._begin(future))
        self._futures.pump()

    def _begin(self, future: Future) -> None:
        self._futures.runs(future, 0, self._run.journal.now())
        self._settle(future)

    def expect(self, names: tuple[str, ...]) -> None:
        """Declare those of `names` that are futures of other hosts and not known yet."""
        for name in names:
            future, is_elsewhere, host = name.partition("@")
            if is_elsewhere and not self._futures.table.find(name):
                command = f"{future} on {host}"
                declared = self._futures.declare(name, command, timeout=0, is_elsewhere=True)
                self.await_end(declared)

    def _settle(self, future: Future) -> None:
        """End a future if its end is known, or can never be known."""
        host = future.name.partition("@")[2]
        if known := self._ends.get(future.name) or self._own.get(future.name):
            rc, *times = known
            self._futures.ended_elsewhere(future, rc, times=times)
        elif self._is_alone and host != self._this_host:
            self._run.say(
                f"not waiting for {future.name}: this is a run of {self._this_host} alone"
            )
            self._futures.ended_elsewhere(future, 0)
        elif reason := self._why_unknown(future.name) or self._why_never(host):
            self._futures.ended_elsewhere(future, 1, reason)

    def _why_never(self, host: str) -> str:
        """Return why nothing will ever be learnt of a host, or nothing."""
        if host not in self._hosts:
            return f"there is no host {host}; there are {', '.join(sorted(self._hosts))}"
        if host == self._this_host:
            return ""
        coming = self._run.scheduler.of(*PENDING, TaskState.RUNNING)
        if CONTROLLER in self._channels or any(name.endswith(f":stack@{host}") for name in coming):
            return ""
        return f"no run on {host} has begun"

    def _why_unknown(self, name: str) -> str:
        """Return why the end of a future will not be known any more, or nothing."""
        future, _, host = name.partition("@")
        if host != self._this_host:
            return self._never.get(name) or self._lost.get(host, "")
        is_coming = self._coming is None or future in self._coming
        if is_coming or self._futures.table.find(future):
            return ""
        return f"nothing on {host} has started {future}"

    def _reach(self, names: tuple[str, ...]) -> None:
        """Take note that the main line waits for `names`: beside other hosts, nothing runs on."""
        if any(name.startswith("stack@") for name in names):
            at, tasks = self._run.scheduler.waits_at(), self._run.scheduler.of(*PENDING)
            # What comes after the wait cannot start before other hosts have ended.
            before = takewhile(lambda task: not at or task != at[0].name, tasks)
            self._coming = {task.rpartition(":")[2] for task in before}
            self._refuse(self._this_host)

    def _refuse(self, host: str) -> None:
        """Let other hosts know which of the futures that they await of `host` never end."""
        for name in [name for name in self._awaited_by if name.endswith(f"@{host}")]:
            self._answer(name, self._awaited_by[name])

    def _answer(self, name: str, hosts: Iterable[str]) -> None:
        """Tell hosts what is known of the future that they await."""
        known = self._own.get(name) or self._ends.get(name)
        reason = "" if known else self._why_unknown(name)
        for channel in (self._channels[host] for host in hosts if host in self._channels):
            if known:
                channel.send(name=name, **known._asdict())
            elif reason:
                channel.send(never=name, why=reason)

    # -- messages ------------------------------------------------------------------------------

    def skipped(self, name: str) -> None:
        """Let other hosts know that a future of this one is up to date."""
        now = self._run.journal.now()
        self._own_ended(name, _End(0, now, now))

    def _own_ended(self, name: str, its_end: "_End") -> None:
        if "@" not in name:
            full_name = f"{name}@{self._this_host}"
            self._own[full_name] = its_end
            self._tell(full_name, its_end)
            if future := self._waiting(full_name):
                self._settle(future)

    def _tell(self, name: str, its_end: "_End", *, source: str = "") -> None:
        """Tell the controller all ends, and another host those that it awaits."""
        awaited_by = self._awaited_by.get(name, set()) | {CONTROLLER}
        for host in awaited_by & self._channels.keys() - {source}:
            self._channels[host].send(name=name, **its_end._asdict())

    def _read(self, host: str, channel: "_Channel") -> None:
        if not channel.receive():
            self._run.loop.forget(channel.end.fileno())
            self._lose(host, f"the connection to {host} is lost")

    def _hear(self, host: str, message: dict[str, object]) -> None:
        match message:
            case {"name": str(name), "rc": int(rc), "start": float(start), "end": float(end)}:
                self._ends[name] = its_end = _End(rc, start, end)
                if future := self._waiting(name):
                    self._settle(future)
                elif self._this_host == CONTROLLER:
                    self._run.journal.write(FutureEnd(name, rc, start_time=start, end_time=end))
                self._tell(name, its_end, source=host)
            case {"awaited": str(name)}:
                self._awaited_by.setdefault(name, set()).add(host)
                self._answer(name, [host])
            case {"never": str(name), "why": str(reason)}:
                self._never[name] = reason
                if future := self._waiting(name):
                    self._settle(future)
            case {"lost": str(reason)}:
                self._lose(host, reason)

    def _waiting(self, name: str) -> Future | None:
        future = self._futures.table.find(name)
        return future if future and not future.has_ended else None

    def _lose(self, host: str, reason: str) -> None:
        """Fail the futures of `host` whose ends are not known, here and on other hosts."""
        self._lost.setdefault(host, f"{reason}: how it ended is unknown")
        self._refuse(host)
        for future in self._futures.table.running():
            if future.name.endswith(f"@{host}") and future.runs_elsewhere:
                self._settle(future)


class _End(NamedTuple):
    """The exit code of a future, and when it ran (s since the epoch, by the clock of this host)."""

    rc: int
    start: float
    end: float


class _Channel:
    """One end of a channel. `hear` is called with each message."""

    def __init__(self, end: socket.socket, hear: Callable[[dict[str, object]], None]) -> None:
        self.end = end
        self._hear = hear
        self._buffer = LineBuffer()

    def send(self, **message: object) -> None:
        """Send a message; if nobody reads, it is lost."""
        with suppress(OSError):
            self.end.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> bool:
        """Read what there is; return False at the end of the channel."""
        while True:
            try:
                data = self.end.recv(1 << 16, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not data:
                return False
            for line in self._buffer.lines(data):
                self._hear(json.loads(line))
