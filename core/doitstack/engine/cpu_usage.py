"""Samples the CPU time that a run and its machine use, while the run waits."""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from doitstack.processes.tree import Process, all_processes

EVERY = 1.0
"""Seconds between two samples."""

SHARE = 0.01
"""The part of one core that sampling may use: with many processes there are fewer samples."""

_TICKS = os.sysconf("SC_CLK_TCK")


class Meter:
    """The CPU time of a run: this process's, and that of the supervisord in `directory`.

    All their descendants count: those of supervisord are the stack's services and warm programs.
    CPU time before the run does not count. A daemon that is a descendant of neither is not seen.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._earlier = supervisord_pid(directory)
        processes = list(all_processes())
        self._own_before = tree_cpu([os.getpid()], processes)
        self._before = tree_cpu([self._earlier], processes) if self._earlier else 0.0
        self._highest = 0.0

    def used(self) -> float:
        """Return the CPU time (s) since the start of the run."""
        keeper = supervisord_pid(self._directory)
        roots = [os.getpid(), *([keeper] if keeper else [])]
        used = tree_cpu(roots, all_processes()) - self._own_before
        if keeper and keeper == self._earlier:
            used -= self._before
        # The result never decreases, even if supervisord ends with all its processes.
        self._highest = max(self._highest, used)
        return self._highest


class Sampler:
    """Calls `record` with a sample about once per second, if `tick` is called often enough.

    A sample is the CPU time (s) of the run so far, and that of the whole machine since its boot.
    """

    def __init__(self, meter: Meter, record: Callable[[float, float], None]) -> None:
        self._meter = meter
        self._record = record
        self._next = 0.0

    def tick(self) -> None:
        """Take a sample if it is time."""
        if time.monotonic() >= self._next:
            self.take()

    def take(self) -> None:
        """Take a sample now."""
        now = time.monotonic()
        # A tick may call this again while it runs.
        self._next = now + EVERY
        began = time.thread_time()
        used = self._meter.used()
        self._record(used, machine_busy(Path("/proc/stat").read_text(encoding="ascii")))
        self._next = now + max(EVERY, (time.thread_time() - began) / SHARE)


def supervisord_pid(directory: Path) -> int | None:
    """Return the pid of the supervisord in `directory`, or None if it does not run.

    A pid file may be left from an earlier one, so the process must have that working directory.
    """
    try:
        pid = int((directory / "supervisord.pid").read_text(encoding="ascii"))
        return pid if Path(f"/proc/{pid}/cwd").samefile(directory) else None
    except (OSError, ValueError):
        return None


def tree_cpu(roots: Iterable[int], processes: Iterable[Process]) -> float:
    """Return the CPU time (s) of `roots`, of all processes below them, and of those that ended.

    The kernel adds the time of a process that has ended to the process that waited for it.
    """
    wanted = set(roots)
    children: dict[int, list[Process]] = {}
    below: dict[int, Process] = {}
    for process in processes:
        children.setdefault(process.parent, []).append(process)
        if process.pid in wanted:
            below[process.pid] = process
    left = list(below)
    while left:
        for child in children.get(left.pop(), []):
            if child.pid not in below:
                below[child.pid] = child
                left.append(child.pid)
    return sum(process.cpu for process in below.values())


def machine_busy(stat: str) -> float:
    """Return the CPU time (s) of all processors since boot, from /proc/stat (proc(5))."""
    user, nice, system, _idle, _iowait, irq, softirq = map(int, stat.split()[1:8])
    return (user + nice + system + irq + softirq) / _TICKS
