"""Trees of processes: find all descendants of a process, and stop them.

Reads /proc itself: psutil needs four times the CPU time to look at all processes, and a run of many
futures looks often.
"""

import os
import select
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

FUTURE_MARK = "DOITSTACK_FUTURE"
"""The environment variable that marks the programs of a future, daemons included."""

GRACE = 5.0
"""Seconds between TERM and KILL."""

_TICKS = os.sysconf("SC_CLK_TCK")


class Process(NamedTuple):
    """The fields of /proc/PID/stat that are used here (proc(5)).

    `started` is in clock ticks since boot: pids are reused, but a pid with its `started` is unique.
    `cpu` is its CPU time (s), including that of children that have ended and been waited for.
    `name` is that of its program, or what it has called itself. `is_busy`: it wants the CPU.
    """

    pid: int
    parent: int
    group: int
    started: int
    is_zombie: bool
    cpu: float = 0.0
    name: bytes = b""
    is_busy: bool = False


class Root(NamedTuple):
    """The first process of a tree. `mark` is the value of FUTURE_MARK in its environment."""

    pid: int
    mark: str = ""


def look_up(pid: int) -> Process | None:
    """Return the process `pid`, or None if it does not exist."""
    words, _, rest = _stat(pid).rpartition(b")")
    if not rest:
        return None
    fields = rest.split()
    return Process(
        pid=pid,
        parent=int(fields[1]),
        group=int(fields[2]),
        started=int(fields[19]),
        is_zombie=fields[0] == b"Z",
        cpu=sum(map(int, fields[11:15])) / _TICKS,
        name=words.partition(b"(")[2],
        is_busy=fields[0] == b"R",
    )


def _stat(pid: int) -> bytes:
    """Return the content of /proc/PID/stat; nothing if there is no such process."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
        try:
            return os.read(descriptor, 4096)
        finally:
            os.close(descriptor)
    except OSError:
        return b""


def start_time(pid: int) -> int:
    """Return when a process started, in clock ticks since boot; 0 if it does not exist."""
    stat = _stat(pid)
    return int(stat[stat.rindex(b")") :].split()[20]) if stat else 0


def signal_name(number: int) -> str:
    """Return the name of a signal: `SIGKILL`."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def is_running(pid: int, started: int) -> bool:
    """Return whether `pid` is still the process that started at `started`, and not a zombie."""
    process = look_up(pid)
    return process is not None and process.started == started and not process.is_zombie


def tree(roots: Iterable[Root]) -> set[int]:
    """Return the pids of the processes of `roots` and of their descendants that still run.

    A descendant is found by its parent, by its process group, by the mark in its environment, which
    even a daemon that has left both keeps, or by its name: a forked process without an exec shows
    the environment of the main process, but keeps the name that `take_family_name` has set.
    """
    firsts = list(roots)
    # 0 is not a process, but the group of processes that entered a container from outside.
    pids = {root.pid for root in firsts if root.pid > 1}
    names = {family_name(pid) for pid in pids}
    marks = {root.mark for root in firsts if root.mark}
    running = {process.pid: process for process in all_processes() if not process.is_zombie}
    found = {
        pid
        for pid, process in running.items()
        if pid in pids
        or process.group in pids
        or (process.name in names and is_of_our_user(pid))
        or (marks and _mark(pid) in marks)
    }
    while children := {p.pid for p in running.values() if p.parent in found} - found:
        found |= children
    return found - {os.getpid(), 1}


def is_of_our_user(pid: int) -> bool:
    """Return whether a process exists and is one of our user."""
    with suppress(OSError):
        return os.stat(f"/proc/{pid}").st_uid == os.geteuid()  # noqa: PTH116 - for each process
    return False


def family_name(pid: int) -> bytes:
    """Return the name of processes that `pid` has forked; at most 15 bytes are kept (proc(5))."""
    return b"future-%d" % pid


def all_processes() -> Iterator[Process]:
    """Yield all visible processes of the machine, including zombies."""
    for name in os.listdir("/proc"):  # noqa: PTH208 - a Path for each entry takes its time
        process = look_up(int(name)) if name.isdecimal() else None
        if process:
            yield process


def descendants(*pids: int) -> set[int]:
    """Return the pids of processes and of their children, their children and so on."""
    processes, found = list(all_processes()), set(pids)
    while children := {one.pid for one in processes if one.parent in found} - found:
        found |= children
    return found


def environ_of(pid: int, *marks: str) -> dict[str, str]:
    """Return the environment of a process; with `marks`, nothing if it has none of these variables.

    Raises OSError if the process has ended, or if its user does not allow it.
    """
    data = Path(f"/proc/{pid}/environ").read_bytes()
    if marks and not any(mark.encode() in data for mark in marks):
        return {}  # as most processes of a machine
    # It is empty while a program is being started.
    variables = filter(None, data.decode(errors="replace").split("\0"))
    pairs = (variable.partition("=") for variable in variables)
    return {name: value for name, _, value in pairs}


def _mark(pid: int) -> str | None:
    with suppress(OSError):
        return environ_of(pid, FUTURE_MARK).get(FUTURE_MARK)
    return None


def stop(roots: Iterable[Root], *, grace: float = GRACE) -> None:
    """End the trees of `roots`: SIGTERM, at most `grace` seconds, SIGKILL. Wait until all ended."""
    firsts = list(roots)
    if not firsts:
        return
    if grace:
        _signal_all(tree(firsts), signal.SIGTERM, wait=grace)
    # Processes forked during the search are found by the next search.
    for _ in range(10):
        left = tree(firsts)
        if not left:
            return
        _signal_all(left, signal.SIGKILL, wait=1.0)


def end_processes(pids: Iterable[int], *, grace: float) -> set[int]:
    """End single processes: SIGTERM, `grace` seconds, SIGKILL; return those that still run.

    Without `grace`, SIGKILL at once.
    """
    left = set(pids)
    if grace:
        left = _signal_all(left, signal.SIGTERM, wait=grace)
    return _signal_all(left, signal.SIGKILL, wait=grace or GRACE)


def _signal_all(pids: set[int], number: signal.Signals, *, wait: float) -> set[int]:
    """Signal processes and wait up to `wait` seconds; return those that have not ended."""
    handles = {fd: pid for pid in pids if (fd := open_pidfd(pid)) is not None}
    try:
        for fd in handles:
            with suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(fd, number)
        return {handles[fd] for fd in _wait_all(handles, time.monotonic() + wait)}
    finally:
        for fd in handles:
            os.close(fd)


def open_pidfd(pid: int) -> int | None:
    """Return a file descriptor that becomes readable when `pid` ends; None if it does not live."""
    if pid < 1:
        return None
    try:
        return os.pidfd_open(pid)
    except (ProcessLookupError, OverflowError):
        return None


def _wait_all(handles: Iterable[int], deadline: float) -> set[int]:
    """Wait until all processes have ended, or `deadline`; return the handles of those that run."""
    left = set(handles)
    poll = select.poll()
    for fd in left:
        poll.register(fd, select.POLLIN)
    while left and (remaining := deadline - time.monotonic()) > 0:
        for fd, _ in poll.poll(remaining * 1000):
            poll.unregister(fd)
            left.discard(fd)
    return left
