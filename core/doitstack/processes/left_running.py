"""Processes that the steps of a stack have left running: daemons that are no services.

Everything that a run starts has the directory of its stack in its environment. What was forked and
runs no program of its own has not, but it still writes to a log of the run.
"""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from doitstack.processes.tree import (
    FUTURE_MARK,
    GRACE,
    Process,
    all_processes,
    end_processes,
    environ_of,
    is_of_our_user,
)
from doitstack.records import Record

STACK_MARK = "DOITSTACK_STACK"
"""The environment variable with the directory of the stack."""

_SETTLE_SECONDS = 0.1
"""A process that is about to end, as many are at the end of a run, has ended after so long."""

_ROUNDS = 10


class LeftProcess(Record):
    """A process that was left running: its program, and the run and the future that started it.

    `future` is empty for a step of the main line.
    """

    pid: int
    name: str
    run: str
    future: str

    def __str__(self) -> str:
        return f"{self.name} {self.pid}" + (f" (future {self.future})" if self.future else "")


def stack_mark(dest: Path) -> str:
    """Return the value of STACK_MARK for the stack in `dest`."""
    return os.path.realpath(dest)


def left_running(dest: Path, main_log: Path) -> list[LeftProcess]:
    """Return the processes of our user that belong to the stack in `dest`, by pid.

    Neither this process nor those above it count. Programs of a run that goes on do.
    """
    processes = {process.pid: process for process in all_processes()}
    above = _above(os.getpid(), processes)
    mark, real_log = stack_mark(dest), os.path.realpath(main_log)
    found = (
        _left(process, mark, real_log)
        for process in processes.values()
        if not process.is_zombie and process.pid not in above
    )
    return sorted(filter(None, found), key=lambda one: one.pid)


def settled(dest: Path, main_log: Path) -> list[LeftProcess]:
    """Return the same, without those that are just ending."""
    if before := left_running(dest, main_log):
        time.sleep(_SETTLE_SECONDS)
        after = left_running(dest, main_log)
        return [process for process in before if process in after]
    return []


def end_left(dest: Path, main_log: Path) -> list[LeftProcess]:
    """End what was left running: SIGTERM, a grace period, SIGKILL; return it."""
    ended: dict[int, LeftProcess] = {}
    for _ in range(_ROUNDS):  # what is forked during the search is found by the next one
        left = {process.pid: process for process in left_running(dest, main_log)}
        if not left:
            break
        ended |= left
        end_processes(left, grace=GRACE)
    return list(ended.values())


def names_of(processes: Iterable[LeftProcess]) -> str:
    """Return processes in one line: `2 processes that steps have left running: a 12, b 13`."""
    names = [str(process) for process in processes]
    what = "a process" if len(names) == 1 else f"{len(names)} processes"
    return f"{what} that steps have left running: {', '.join(names)}"


def _above(pid: int, processes: dict[int, Process]) -> set[int]:
    found: set[int] = set()
    while pid in processes and pid not in found:
        found.add(pid)
        pid = processes[pid].parent
    return found


def _left(process: Process, mark: str, main_log: str) -> LeftProcess | None:
    if not is_of_our_user(process.pid):
        return None
    with suppress(OSError):  # it has ended
        environ = environ_of(process.pid, STACK_MARK)
        # One with our own environment is our watchdog: a daemon may have started this `doit`.
        is_ours = environ.get(STACK_MARK) == mark
        is_marked = is_ours and environ != environ_of(os.getpid(), STACK_MARK)
        if is_marked or _writes_log(process.pid, mark, main_log):
            run, _, step = environ.get(FUTURE_MARK, "").partition(":")
            name = process.name.decode(errors="replace")
            shown = "".join(char if char.isprintable() else "?" for char in name)
            return LeftProcess(process.pid, shown, run, "" if step.startswith("(") else step)
    return None


def _writes_log(pid: int, mark: str, main_log: str) -> bool:
    """Return whether stdout or stderr of a process is a log of a run."""
    logs = [os.readlink(f"/proc/{pid}/fd/{descriptor}") for descriptor in (1, 2)]  # noqa: PTH115
    ours = (f"{main_log}.", f"{mark}/async/")  # the first is that of an earlier run
    return any(log == main_log or log.startswith(ours) for log in logs)
