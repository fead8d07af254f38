"""Processes that run before all others: those that hold a connection, which must not be late.

It travels with the agent, so it needs only Python's own library and is read by older versions, too.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def hurry(pid: int = 0) -> None:
    """Let a process, by default this one, run whenever it can, if we may; not what it starts.

    A nice value would not do: by default, Linux compares those within one session only (sched(7),
    the autogroup feature), and each ssh has a session of its own.
    """
    with suppress(OSError):
        os.sched_setscheduler(pid, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))


def hurry_parent(name: str) -> None:
    """Let the parent process hurry, too, if its name begins with `name`."""
    parent = os.getppid()
    with suppress(OSError):
        if Path(f"/proc/{parent}/comm").read_text().startswith(name):
            hurry(parent)


def calm() -> None:
    """Let this process run as others do again."""
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
