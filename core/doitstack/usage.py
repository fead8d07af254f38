"""What CPU time a run and its machine use, sampled while the run waits. Draws no conclusion."""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from doitstack.process_tree import Process, all_processes

EVERY = 1.0
"""Seconds between two samples."""

SHARE = 0.01
"""The part of one core that sampling may use: with many processes there are fewer samples."""

_TICKS = os.sysconf("SC_CLK_TCK")


class Sampler:
    """Hands a sample to `record` every second or so, whenever `look` is called often enough.

    A sample is the CPU time (s) that this process and all below it have used so far, and that all
    processors of the machine have been busy since boot.
    """

    def __init__(self, record: Callable[[float, float], None]) -> None:
        self._record = record
        self._next = 0.0
        self._highest = 0.0

    def look(self) -> None:
        """Take a sample if it is time."""
        now = time.monotonic()
        if now < self._next:
            return
        # The tick of a long step may come while we are at it.
        self._next = now + EVERY
        began = time.thread_time()
        # What a daemon of ours has used goes out of sight with it, and was used all the same.
        self._highest = max(self._highest, tree_cpu(os.getpid(), all_processes()))
        self._record(self._highest, machine_busy(Path("/proc/stat").read_text(encoding="ascii")))
        self._next = now + max(EVERY, (time.thread_time() - began) / SHARE)


def tree_cpu(root: int, processes: Iterable[Process]) -> float:
    """Return the CPU time (s) of `root`, of all processes below it, and of those that have ended.

    The kernel adds the time of a process that has ended to whoever waited for it.
    """
    children: dict[int, list[Process]] = {}
    below: list[Process] = []
    for process in processes:
        children.setdefault(process.parent, []).append(process)
        if process.pid == root:
            below.append(process)
    for process in below:
        below += children.get(process.pid, [])
    return sum(process.cpu for process in below)


def machine_busy(stat: str) -> float:
    """Return for how long (s, of all processors) /proc/stat says that they did work (proc(5))."""
    user, nice, system, _idle, _iowait, irq, softirq = map(int, stat.split()[1:8])
    return (user + nice + system + irq + softirq) / _TICKS
