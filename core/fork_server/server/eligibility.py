"""Decide whether a fork of this process can take the place of the caller's: if in doubt, no."""

import os
import resource
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..options import Options
from ..protocol import NAMESPACES
from .environment_reads import EVERYTHING, WORKING_DIRECTORY
from .import_effects import ImportEffects
from .limits import limits
from .locales import StreamSettings, language, stream_settings
from .request import Request, environment, status_fields

_SAME_STATUS = (
    *("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"),
    *("NoNewPrivs", "Seccomp"),
)
"""The properties of a process that a fork inherits and cannot change (proc(5))."""

_LOCALE = frozenset({"LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES"})
_HARMLESS = frozenset({"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"})
"""The variables that Python reads when it starts and that a fork can still apply."""

_STANDARD = frozenset({"pydoc", "sysconfig", "wsgiref.handlers", "zoneinfo._tzpath"})
"""Modules of Python that read where the user's own packages would be, which does not matter."""

_RECENT = 0.05
"""Seconds for which a check of the program's files holds."""


@dataclass
class Eligibility:
    """Compares callers with this process, once everything is imported.

    packages: what `listings` returned for the packages' directories before that.
    """

    options: Options
    effects: ImportEffects
    packages: Mapping[str, int]
    _checked: float = 0.0

    def __post_init__(self) -> None:
        self._server = environment(_own("environ"))
        self._status = status_fields(_own("status"))
        self._limits = limits(_own("limits"))
        self._nice = os.getpriority(os.PRIO_PROCESS, 0)
        self._namespaces = " ".join(
            str(Path(f"/proc/self/{name}").readlink()) for name in NAMESPACES
        )
        preparation = self.options.preparation
        unaffected = {*_STANDARD, *preparation.fresh, *preparation.indifferent}
        reads = self.effects.reads
        self._reads = {name: who - unaffected for name, who in reads.items() if who - unaffected}
        self._files = {path: _changed(path) for path in _files_of_program(self.options.script)}

    def stream_settings(self, request: Request) -> StreamSettings:
        """Return what follows from the locale of an eligible request."""
        found = stream_settings(request.environ, self._server)
        assert found
        return found

    def obstacle(self, request: Request) -> str:
        """Return why the caller must run the program itself; an empty string if it need not."""
        if other := self._other_program(request):
            return other
        if request.namespaces != self._namespaces or not self._is_same_user(request):
            return "another namespace, root, user or capability"
        if not self._is_allowed(request):
            return "limits or niceness"
        environ = request.environ
        if _python(environ) != _python(self._server):
            return "Python's own variables"
        if not stream_settings(environ, self._server) or language(environ) != language(
            self._server
        ):
            return "locale"
        different = self._different(environ)
        return f"variables that were read at import: {', '.join(different)}" if different else ""

    def _other_program(self, request: Request) -> str:
        if request.stamp != self.options.stamp:
            return "another version"
        is_ours = Path(request.argv[0]).parent == Path(self.options.script).parent
        return "" if is_ours else "a program of another environment"

    def is_stale(self) -> bool:
        """Return whether the program has changed since it was imported."""
        now = time.monotonic()
        if now - self._checked < _RECENT:
            return False
        self._checked = now
        return listings(self.packages) != self.packages or any(
            _changed(path) != was for path, was in self._files.items()
        )

    def _is_same_user(self, request: Request) -> bool:
        return all(request.status.get(name) == self._status.get(name) for name in _SAME_STATUS)

    def _is_allowed(self, request: Request) -> bool:
        """Return whether any user can change the limits and niceness of a fork to the caller's."""
        wanted = request.limits
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

    def _different(self, environ: Mapping[str, str]) -> list[str]:
        """Return the variables that importing depends on and that the server has otherwise."""
        server = self.effects.environ
        names = self._reads.keys() | self.effects.changes.keys()
        names = names - _LOCALE - {EVERYTHING}
        if EVERYTHING in self._reads:
            names = (environ.keys() | server.keys()) - _LOCALE
        different = sorted(name for name in names if environ.get(name) != server.get(name))
        different += [WORKING_DIRECTORY] if WORKING_DIRECTORY in self._reads else []
        return [f"{name} ({self._readers(name)})" for name in different]

    def _readers(self, name: str) -> str:
        reads = self._reads
        return ", ".join(sorted(reads.get(name, set()) | reads.get(EVERYTHING, set())))


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
    """Return a hash of the names in each directory: it changes if a package comes or goes."""
    return {path: _listing(path) for path in directories}


def _listing(path: str) -> int:
    try:
        # Byte code is no change.
        return hash(frozenset(os.listdir(path)) - {"__pycache__"})  # noqa: PTH208 - at each call
    except OSError:
        return 0


def _changed(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - of thousands, at each call
    except OSError:
        return 0
