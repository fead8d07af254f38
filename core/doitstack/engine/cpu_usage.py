"""What CPU time a run and its machine use, sampled while the run waits. Draws no conclusion."""

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

    All processes below them count. The stack's services and warm programs are below the latter.
    What any of them used before the run does not count. A program that leaves both without being
    waited for goes out of sight.
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
        # What has ended with supervisord was used all the same.
        self._highest = max(self._highest, used)
        return self._highest


class Sampler:
    """Hands a sample to `record` every second or so, whenever `look` is called often enough.

    A sample is the CPU time (s) of the run so far, and for how long all processors of the machine
    have been busy since boot.
    """

    def __init__(self, meter: Meter, record: Callable[[float, float], None]) -> None:
        self._meter = meter
        self._record = record
        self._next = 0.0

    def look(self) -> None:
        """Take a sample if it is time."""
        if time.monotonic() >= self._next:
            self.take()

    def take(self) -> None:
        """Take a sample now."""
        now = time.monotonic()
        # The tick of a long step may come while we are at it.
        self._next = now + EVERY
        began = time.thread_time()
        used = self._meter.used()
        self._record(used, machine_busy(Path("/proc/stat").read_text(encoding="ascii")))
        self._next = now + max(EVERY, (time.thread_time() - began) / SHARE)


def supervisord_pid(directory: Path) -> int | None:
    """Return the pid of the supervisord in `directory`, or None if it does not run.

    Its file may be left from one that is gone: the one that works there is meant.
    """
    try:
        pid = int((directory / "supervisord.pid").read_text(encoding="ascii"))
        return pid if Path(f"/proc/{pid}/cwd").samefile(directory) else None
    except (OSError, ValueError):
        return None


def tree_cpu(roots: Iterable[int], processes: Iterable[Process]) -> float:
    """Return the CPU time (s) of `roots`, of all processes below them, and of those that ended.

    The kernel adds the time of a process that has ended to whoever waited for it.
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
    """Return for how long (s, of all processors) /proc/stat says that they did work (proc(5))."""
    user, nice, system, _idle, _iowait, irq, softirq = map(int, stat.split()[1:8])
    return (user + nice + system + irq + softirq) / _TICKS
