"""What Linux does for the calling process alone (prctl(2)).

Futures call it right after their fork, where each page of memory that is written costs time.
"""

import ctypes
import os
import signal

from doitstack.processes.tree import family_name

_SET_PDEATHSIG, _SET_NAME, _SET_CHILD_SUBREAPER = 1, 15, 36  # linux/prctl.h
_prctl = ctypes.PyDLL(None).prctl


def die_with_parent(parent: int) -> None:
    """Let the kernel kill this process when `parent`, its parent, dies."""
    _prctl(_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Let this process be the parent of all its descendants whose own parents have ended."""
    _prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def set_name(name: bytes) -> None:
    """Set the name of this process, as `ps` and `killall` know it; it has at most 15 bytes."""
    _prctl(_SET_NAME, name, 0, 0, 0)


def take_family_name() -> None:
    """Set the name of this process, which forked processes inherit: they are found by it."""
    set_name(family_name(os.getpid()))
