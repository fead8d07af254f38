"""Whether a fork of this process can be what the caller would get: if in doubt, no."""

import os
import resource
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .imported import Imported
from .locales import Speech, language, speech
from .options import Options
from .request import Request, environment, status_fields
from .watch import EVERYTHING, WORKING_DIRECTORY

_SAME_STATUS = (
    *("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"),
    *("NoNewPrivs", "Seccomp"),
)
"""What a fork has from its parent for good (proc(5))."""

_PLACES = (
    "root",
    *(f"ns/{name}" for name in ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")),
)
_LOCALE = frozenset({"LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES"})
_HARMLESS = frozenset({"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"})
"""What Python reads when it starts, and what a fork can still do as told."""

LIMITS = {
    "Max cpu time": resource.RLIMIT_CPU,
    "Max file size": resource.RLIMIT_FSIZE,
    "Max data size": resource.RLIMIT_DATA,
    "Max stack size": resource.RLIMIT_STACK,
    "Max core file size": resource.RLIMIT_CORE,
    "Max resident set": resource.RLIMIT_RSS,
    "Max processes": resource.RLIMIT_NPROC,
    "Max open files": resource.RLIMIT_NOFILE,
    "Max locked memory": resource.RLIMIT_MEMLOCK,
    "Max address space": resource.RLIMIT_AS,
    "Max pending signals": resource.RLIMIT_SIGPENDING,
    "Max msgqueue size": resource.RLIMIT_MSGQUEUE,
    "Max nice priority": resource.RLIMIT_NICE,
    "Max realtime priority": resource.RLIMIT_RTPRIO,
}
"""The lines of /proc/PID/limits that can be set."""

_STANDARD = frozenset({"pydoc", "sysconfig", "wsgiref.handlers", "zoneinfo._tzpath"})
"""Modules of Python that look where the user's own packages would be, and make nothing of it."""

_RECENT = 0.05
"""For so long, in s, the files of the program are taken to be as they were."""


def limits(text: str) -> dict[int, tuple[int, int]]:
    """Return soft and hard limits by number."""
    found = {}
    for line in text.splitlines():
        number = LIMITS.get(line[:26].rstrip())
        if number is not None:
            soft, hard = (
                resource.RLIM_INFINITY if word == "unlimited" else int(word)
                for word in line[26:].split()[:2]
            )
            found[number] = (soft, hard)
    return found


@dataclass
class Judge:
    """Knows what this process is, once everything is imported.

    `packages` is what `listings` said of their directories before that.
    """

    options: Options
    imported: Imported
    packages: Mapping[str, int]
    _looked: float = 0.0

    def __post_init__(self) -> None:
        self._server = environment(_own("environ"))
        self._status = status_fields(_own("status"))
        self._limits = limits(_own("limits"))
        self._nice = os.getpriority(os.PRIO_PROCESS, 0)
        self._place = " ".join(str(Path(f"/proc/self/{name}").readlink()) for name in _PLACES)
        unmoved = {*_STANDARD, *self.options.fresh, *self.options.indifferent}
        readings = self.imported.readings
        self._needed = {name: who - unmoved for name, who in readings.items() if who - unmoved}
        self._files = {path: _changed(path) for path in _files_of_program(self.options.script)}

    def speech(self, request: Request) -> Speech:
        """Return what the locale of a request that met no objection asks for."""
        found = speech(request.environ, self._server)
        assert found
        return found

    def objection(self, request: Request) -> str:
        """Return why this request must be left to the real command; empty: it need not."""
        if request.stamp != self.options.stamp:
            return "another version"
        if request.place != self._place or not self._is_same_user(request):
            return "another namespace, root, user or capability"
        if not self._is_allowed(request):
            return "limits"
        environ = request.environ
        if _python(environ) != _python(self._server):
            return "Python's own variables"
        if not speech(environ, self._server) or language(environ) != language(self._server):
            return "locale"
        unlike = self._unlike(environ)
        return f"variables that were read at import: {', '.join(unlike)}" if unlike else ""

    def is_stale(self) -> bool:
        """Return whether the program has changed since it was imported."""
        now = time.monotonic()
        if now - self._looked < _RECENT:
            return False
        self._looked = now
        return listings(self.packages) != self.packages or any(
            _changed(path) != was for path, was in self._files.items()
        )

    def _is_same_user(self, request: Request) -> bool:
        return all(request.status.get(name) == self._status.get(name) for name in _SAME_STATUS)

    def _is_allowed(self, request: Request) -> bool:
        """Return whether niceness and limits can be made the caller's by any user."""
        wanted = limits(request.limits)
        hard_ones = (
            (number, hard, self._limits[number][1]) for number, (_, hard) in wanted.items()
        )
        most = max(request.numbers, default=0)
        return (
            request.nice >= self._nice
            and wanted.keys() == self._limits.keys()
            and all(_at_most(hard, ours) for _, hard, ours in hard_ones)
            and most < self._limits[resource.RLIMIT_NOFILE][0] - 300
        )

    def _unlike(self, environ: Mapping[str, str]) -> list[str]:
        server = self.imported.environ
        names = self._needed.keys() | self.imported.changes.keys()
        names = names - _LOCALE - {EVERYTHING}
        if EVERYTHING in self._needed:
            names = (environ.keys() | server.keys()) - _LOCALE
        unlike = sorted(name for name in names if environ.get(name) != server.get(name))
        unlike += [WORKING_DIRECTORY] if WORKING_DIRECTORY in self._needed else []
        return [f"{name} ({self._readers(name)})" for name in unlike]

    def _readers(self, name: str) -> str:
        needed = self._needed
        return ", ".join(sorted(needed.get(name, set()) | needed.get(EVERYTHING, set())))


def _own(name: str) -> str:
    return os.fsdecode(Path(f"/proc/self/{name}").read_bytes())


def _at_most(wanted: int, ours: int) -> bool:
    if ours == resource.RLIM_INFINITY:
        return True
    return wanted != resource.RLIM_INFINITY and wanted <= ours


def _python(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environ.items()
        if name.startswith("PYTHON") and name not in _HARMLESS
    }


def _files_of_program(script: str) -> set[str]:
    modules: Iterable[object] = list(sys.modules.values())
    files = {getattr(module, "__file__", None) for module in modules}
    return {script, sys.executable, *filter(None, files)}


def listings(directories: Iterable[str]) -> dict[str, int]:
    """Return what tells the content of each directory from any other: packages come and go."""
    return {path: _listing(path) for path in directories}


def _listing(path: str) -> int:
    try:
        # What Python has compiled is no change.
        return hash(frozenset(os.listdir(path)) - {"__pycache__"})  # noqa: PTH208 - at each call
    except OSError:
        return 0


def _changed(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - of thousands, at each call
    except OSError:
        return 0
