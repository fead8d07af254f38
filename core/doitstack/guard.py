"""A process that outlives a SIGKILL of ours for as long as it takes to end what we started.

It reads the files of the futures and nothing else, so it needs no word from a process that may
die at any moment.
"""

import ctypes
import mmap
import os
import select
import signal
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from doitstack.jobfile import read_job
from doitstack.process_tree import Root, is_running, look_up, open_pidfd, stop

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Looked up once: in a forked child each page that is touched anew costs time.
_prctl = ctypes.CDLL(None, use_errno=True).prctl


def die_with_parent(parent: int) -> None:
    """Let the kernel kill this process when `parent`, its parent, dies (prctl(2))."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def mark(run: str, name: str) -> str:
    """Return what the programs of the future `name` carry in their environment."""
    return f"{run}:{name}"


def unfinished(directory: Path, run: str = "") -> Iterator[Root]:
    """Yield the first process of each future in `directory` that has not said how it ended."""
    for path in directory.glob("*.ini"):
        job = read_job(path)
        if job and job.rc is None and is_running(job.pid, job.started):
            yield Root(job.pid, mark(run, path.stem) if run else "")


class Guard:
    """Watches the process that makes it, and kills unfinished work when that dies.

    `foreground` is told what else to kill: the program of the main line, and the bash session.
    """

    def __init__(self, directory: Path, run: str) -> None:
        self._directory = directory
        self._run = run
        self._slots = mmap.mmap(-1, 16)
        parent = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            with suppress(BaseException):
                self._watch(parent)
            os._exit(0)

    def program(self, pid: int) -> None:
        """Tell the process group of the program that the main line runs; 0 for none."""
        struct.pack_into("q", self._slots, 0, pid)

    def session(self, pid: int) -> None:
        """Tell the pid of the bash session; 0 for none."""
        struct.pack_into("q", self._slots, 8, pid)

    def dismiss(self) -> None:
        """End the watch: the work has ended by itself."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def _watch(self, parent: int) -> None:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        watched = open_pidfd(parent)
        if watched is None:
            return
        _close_all_but(watched)
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        poll.poll()
        self._end_all()

    def _end_all(self) -> None:
        for _ in range(3):
            pids = struct.unpack_from("qq", self._slots)
            roots = [Root(pid) for pid in pids if pid and look_up(pid)]
            roots += unfinished(self._directory, self._run)
            stop(roots, grace=0)


def _close_all_but(descriptor: int) -> None:
    """Leave no descriptor open: whoever reads our output must not wait for this process."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, os.sysconf("SC_OPEN_MAX"))
