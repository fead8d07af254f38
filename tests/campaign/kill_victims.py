"""Find the processes of a run and the services of a stack, without the code that is tested."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.conftest import StackDir
from tests.integration.probes import is_dead, marked

SERVER = "warm-"
"""The prefix of the names of fork servers."""


class ServiceProcess(NamedTuple):
    """A process with the mark of the stack's supervisord; `service` is empty for itself."""

    pid: int
    parent: int
    service: str


class Victims:
    """The processes of the run of `main`; `mark` is in the environment of all of them."""

    def __init__(self, stack: StackDir, mark: str, main: int) -> None:
        self._stack = stack
        self._mark = mark
        self._pid = main

    def find(self, victim: str) -> list[int]:
        """Return the pids of the processes that are a `victim` now."""
        return sorted(getattr(self, f"_{victim}")())

    def _main(self) -> Iterator[int]:
        yield self._pid

    def _watchdog(self) -> Iterator[int]:
        for child in self._children():
            with suppress(ProcessLookupError):
                if os.getsid(child) == child:
                    yield child

    def _session(self) -> Iterator[int]:
        for child in self._children():
            if "session.sh" in read(f"/proc/{child}/cmdline"):
                yield child

    def _future(self) -> Iterator[int]:
        for path in (self._stack.dest / "async").glob("*.ini"):
            job = read(str(path))
            pid = job.partition("\npid = ")[2].partition("\n")[0]
            if pid.isdecimal() and "\nrc = " not in job:
                yield int(pid)

    def _build(self) -> Iterator[int]:
        for pid in marked(self._mark):
            if read(f"/proc/{pid}/comm").strip() in ("ninja", "make"):
                yield pid

    def _supervisord(self) -> Iterator[int]:
        return (one.pid for one in service_processes(self._stack) if not one.service)

    def _server(self) -> Iterator[int]:
        ours = [one for one in service_processes(self._stack) if one.service.startswith(SERVER)]
        pids = {one.pid for one in ours}
        return (one.pid for one in ours if one.parent not in pids)

    def _children(self) -> list[int]:
        return [*map(int, read(f"/proc/{self._pid}/task/{self._pid}/children").split())]


def service_processes(stack: StackDir) -> list[ServiceProcess]:
    """Return the living processes that were started with the mark of the stack's supervisord."""
    mark = f"SERVICE_KEEPER={os.path.realpath(stack.dest / 'supervisor')}"
    found = []
    for name in os.listdir("/proc"):
        if not name.isdecimal() or is_dead(int(name)):
            continue
        environ = read(f"/proc/{name}/environ").split("\0")
        if mark in environ:
            service = next((v for v in environ if v.startswith("SUPERVISOR_PROCESS_NAME=")), "")
            parent = read(f"/proc/{name}/stat").rpartition(")")[2].split()[1:2]
            found.append(
                ServiceProcess(int(name), int(*parent or ["0"]), service.partition("=")[2])
            )
    return found


def read(path: str) -> str:
    """Return the text of a file, none if it is gone."""
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def described(pids: list[int]) -> list[str]:
    """Return the commands of processes."""
    return [read(f"/proc/{pid}/cmdline").replace("\0", " ") for pid in pids]
