"""Processes as trees: who came from whom, and how to stop them whole. Knows nothing of futures."""

import os
import select
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

FUTURE_MARK = "DOITSTACK_FUTURE"
"""The environment variable by which the programs of a future are known, wherever they hide."""

GRACE = 5.0
"""Seconds between TERM and KILL."""

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """One line of /proc/PID/stat, as far as we need it (proc(5)).

    `started` is in clock ticks since boot: a pid may be given anew, a pid with it is unique.
    `cpu` is its CPU time (s), with that of its children that have ended and been waited for.
    """

    pid: int
    parent: int
    group: int
    started: int
    is_zombie: bool
    cpu: float = 0.0


@dataclass(frozen=True)
class Root:
    """The first process of a tree. `mark` is the value of FUTURE_MARK in its environment."""

    pid: int
    mark: str = ""


def look_up(pid: int) -> Process | None:
    """Return what is known of `pid`, or None where there is no such process."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
        try:
            stat = os.read(descriptor, 4096)
        finally:
            os.close(descriptor)
    except OSError:
        return None
    fields = stat.rpartition(b")")[2].split()
    return Process(
        pid=pid,
        parent=int(fields[1]),
        group=int(fields[2]),
        started=int(fields[19]),
        is_zombie=fields[0] == b"Z",
        cpu=sum(map(int, fields[11:15])) / _TICKS,
    )


def signal_name(number: int) -> str:
    """Return the name of a signal: `SIGKILL`."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def is_running(pid: int, started: int) -> bool:
    """Return whether `pid` is still the process that started at `started`, and not yet dead."""
    process = look_up(pid)
    return process is not None and process.started == started and not process.is_zombie


def tree(roots: Iterable[Root]) -> set[int]:
    """Return the pids of `roots` and of all that came from them and still run.

    A descendant is known by its parents, by its process group, or by the mark in its environment,
    which a daemon that left both still carries.
    """
    firsts = list(roots)
    # 0 is no process, but the group of all that a container's entry has brought in.
    pids = {root.pid for root in firsts if root.pid > 1}
    marks = {root.mark for root in firsts if root.mark}
    running = {process.pid: process for process in all_processes() if not process.is_zombie}
    found = {
        pid
        for pid, process in running.items()
        if pid in pids or process.group in pids or (marks and _mark(pid) in marks)
    }
    while children := {p.pid for p in running.values() if p.parent in found} - found:
        found |= children
    return found - {os.getpid(), 1}


def all_processes() -> Iterator[Process]:
    """Yield all processes of the machine that we can see, zombies as well."""
    for entry in Path("/proc").iterdir():
        process = look_up(int(entry.name)) if entry.name.isdecimal() else None
        if process:
            yield process


def _mark(pid: int) -> str | None:
    with suppress(OSError):
        for variable in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            name, _, value = variable.partition(b"=")
            if name == FUTURE_MARK.encode():
                return value.decode(errors="replace")
    return None


def stop(roots: Iterable[Root], *, grace: float = GRACE) -> None:
    """End the trees of `roots`: TERM, at most `grace` seconds, KILL. Returns when all are gone."""
    firsts = list(roots)
    if not firsts:
        return
    if grace:
        _signal_all(tree(firsts), signal.SIGTERM, wait=grace)
    # What was forked while we looked is found by another look.
    for _ in range(10):
        left = tree(firsts)
        if not left:
            return
        _signal_all(left, signal.SIGKILL, wait=1.0)


def _signal_all(pids: set[int], number: signal.Signals, *, wait: float) -> None:
    handles = [fd for fd in map(open_pidfd, pids) if fd is not None]
    try:
        for fd in handles:
            with suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(fd, number)
        _wait_all(handles, time.monotonic() + wait)
    finally:
        for fd in handles:
            os.close(fd)


def open_pidfd(pid: int) -> int | None:
    """Return a file descriptor that is readable once `pid` has ended, or None if it is gone."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def _wait_all(handles: list[int], deadline: float) -> None:
    poll = select.poll()
    for fd in handles:
        poll.register(fd, select.POLLIN)
    left = len(handles)
    while left and (remaining := deadline - time.monotonic()) > 0:
        for fd, _ in poll.poll(remaining * 1000):
            poll.unregister(fd)
            left -= 1
