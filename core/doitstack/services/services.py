"""Processes that outlive a run, supervised by supervisor. Knows nothing of OpenStack or plugins.

All files are in one directory, `$DEST/supervisor`: supervisor's configuration and socket, and for
each service a script that can be read and run by hand. The script contains the arguments, the
environment and the log, since a shell can quote anything, while supervisor's own configuration
cannot express some characters. Services write their logs themselves, so they outlive a killed
supervisor. A variable in their environment identifies them and all their descendants.
"""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any

from doitstack.errors import ServiceError
from doitstack.private_files import has_text, private_directory, write_private
from doitstack.processes.listeners import is_listening, listeners
from doitstack.processes.tree import descendants
from doitstack.records import Record
from doitstack.services.log_excerpts import reason
from doitstack.services.program_files import old_log
from doitstack.services.supervisord import SCRIPT, STOP_SECONDS, Supervisord

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class ServiceState(Enum):
    """The state of a service, in supervisor's words."""

    STOPPED = "STOPPED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    BACKOFF = "BACKOFF"
    EXITED = "EXITED"
    FATAL = "FATAL"
    UNKNOWN = "UNKNOWN"


_UP = (ServiceState.STARTING, ServiceState.RUNNING)
_DEAD = (ServiceState.BACKOFF, ServiceState.EXITED, ServiceState.FATAL)
_MAY_END = "warm-"
"""The prefix of the names of services that end by themselves if they are not used."""


class ServiceStatus(Record):
    """One service: its name, its state, its process (None if it has none) and its log.

    `started` and `ended` are the times of its last start and end, in s since the epoch; 0 if never.
    """

    name: str
    state: ServiceState
    pid: int | None
    log: Path
    started: int = 0
    ended: int = 0


LARGE_LOG = 1 << 24
"""Bytes of a service's log after which its next start begins a new one."""


class Services:
    """The services whose files are in `directory`, with their logs in `log_dir`.

    supervisord starts with the first service and ends with `stop_all`. Several processes may use
    one directory at once.
    """

    def __init__(self, directory: Path, log_dir: Path) -> None:
        self._supervisord = Supervisord(directory)
        self._log_dir = log_dir.absolute()

    def start(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        wait: bool = True,
        stop_seconds: int = STOP_SECONDS,
        code: str = "",
        reload: Callable[[int], None] | None = None,
    ) -> None:
        """Run `argv` as the service `name`, with `env` added to a small standard environment.

        A service that runs with the same arguments is left alone; with other arguments it is
        restarted. `code` is a digest of the code that it runs, if that may change. If nothing else
        has changed, `reload` is called with the pid of the service; by default it is restarted.
        Raises ServiceError, with the end of its log, if it does not stay up for a
        second; `wait=False` skips this check, for callers that poll the service themselves. When
        the service is stopped, it has `stop_seconds` to end after SIGTERM, before SIGKILL.
        """
        script = _script(argv, env or {}, cwd or Path("/"), self.log(_checked(name)))
        with self._supervisord.locked():
            self._supervisord.ensure()
            pid = self._pid_if_up(name)
            if pid and self._supervisord.has(name, script, stop_seconds):
                if self.runs(name, code):
                    return
                if reload:
                    reload(pid)
                    self.note_code(name, code)
                    return
            self._stop(name)
            private_directory(self._log_dir)
            self._rotate_log(name)
            self._supervisord.put(name, script, stop_seconds)
            self.note_code(name, code)
        if not self._supervisord.start(name, wait=wait):
            raise ServiceError(self._death(name, ServiceState.EXITED))

    def start_again(self, name: str, *, wait: bool = True) -> bool:
        """Start the service `name` as it was last started, unless it runs.

        Return whether it was ever started before. Raises ServiceError, and waits, as `start` does.
        """
        if _checked(name) not in self._supervisord.names():
            return False
        with self._supervisord.locked():
            self._supervisord.ensure()
            if self._pid_if_up(name):
                return True
            self._rotate_log(name)
        if not self._supervisord.start(name, wait=wait):
            raise ServiceError(self._death(name, ServiceState.EXITED))
        return True

    def is_up(self, name: str) -> bool:
        """Return whether the service `name` runs, or is being started."""
        return self._pid_if_up(name) is not None

    def note_code(self, name: str, code: str) -> None:
        """Record the digest of the code that the service `name` is started with."""
        if code:
            write_private(self._code(name), code)
        else:
            self._code(name).unlink(missing_ok=True)

    def stop(self, *names: str, wait: bool = True) -> None:
        """End services and all their descendants in parallel; ignore those that do not run.

        `wait=False` only asks them to end; `start` and `stop` then wait until they have ended.
        """
        for name in names:
            _checked(name)
        with self._supervisord.locked():
            if wait:
                self._stop(*names)
            else:
                self._ask_to_end(*names)

    def stop_all(self) -> None:
        """End all services and supervisord, and wait until every process has ended.

        Also ends and removes what a SIGKILL or a reboot has left.
        """
        if not self._supervisord.directory.is_dir():
            # It was removed, or something else is in its place; its processes may live.
            self._supervisord.end_processes(self._supervisord.processes())
            return
        with self._supervisord.locked():
            self._supervisord.shut_down()

    def names(self) -> list[str]:
        """Return the names of all services that were ever started here."""
        return self._supervisord.names()

    def is_running(self) -> bool:
        """Return whether a service, or supervisord, runs, even if its files have been removed."""
        return bool(self._supervisord.processes())

    def status(self) -> list[ServiceStatus]:
        """Return every service that was ever started here, by name."""
        infos = self._supervisord.infos()
        return [self._status(name, infos.get(name, {})) for name in self._supervisord.names()]

    def deaths(self, since: float, *needed: str) -> dict[str, str]:
        """Return the services that have died by themselves after `since` (s since the epoch).

        Includes those of `needed` that do not run for any reason, and those that supervisord has
        left because it was killed. The value is the message about the service, with the end of its
        log.
        """
        found = {one.name: one for one in self.status()}
        states = {
            name: found[name].state if name in found else ServiceState.STOPPED for name in needed
        }
        down = {name: state for name, state in states.items() if state not in _UP}
        for one in found.values():
            if one.state in _DEAD and one.ended > since and not one.name.startswith(_MAY_END):
                down[one.name] = one.state
        deaths = {name: self._death(name, state) for name, state in down.items()}
        return deaths | {name: f"service {name} has lost its supervisord" for name in self._lost()}

    def _lost(self) -> list[str]:
        """Return the services that run without supervisord, which was killed."""
        if not self.names() or self._supervisord.answers():
            return []
        with self._supervisord.locked():  # it may just be starting again
            return [] if self._supervisord.answers() else self._supervisord.left_programs()

    def started(self, name: str) -> int:
        """Return when the service `name` last started, in s since the epoch; 0 if never."""
        return next((one.started for one in self.status() if one.name == name), 0)

    def pids(self, name: str) -> list[int]:
        """Return the pids of the service `name` and of its descendants."""
        return self._supervisord.processes().get(_checked(name), [])

    def listens(self, name: str, port: int) -> bool:
        """Return whether the service `name` listens on a port, by whichever process."""
        pid = self._pid_if_up(_checked(name))
        return pid is not None and is_listening(self._processes(name, pid), port)

    def _processes(self, name: str, pid: int) -> Iterator[int]:
        """Yield the pids of a service whose first process is `pid`: those soon found first."""
        yield pid
        yield from self._supervisord.adopted(name, pid)
        yield from descendants(pid)

    def ports(self) -> dict[str, list[int]]:
        """Return the TCP ports on which the processes of each service listen."""
        owners = {pid: name for name, pids in self._supervisord.processes().items() for pid in pids}
        found: dict[str, set[int]] = {}
        for port, pid in listeners():
            owner = owners.get(pid or 0)
            if owner:
                found.setdefault(owner, set()).add(port)
        return {name: sorted(ports) for name, ports in found.items()}

    def script(self, name: str) -> str:
        """Return the shell script of the service `name`; empty if it was never started."""
        path = self._supervisord.directory / "conf.d" / f"{_checked(name)}.sh"
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def log(self, name: str) -> Path:
        """Return the log of the service `name`."""
        return self._log_dir / f"{name}.log"

    def _rotate_log(self, name: str) -> None:
        """Let a service that does not run begin a new log if its log is large; keep one old log."""
        log = self.log(name)
        with suppress(OSError):
            if log.stat().st_size > LARGE_LOG:
                log.replace(old_log(log))

    def _status(self, name: str, info: dict[str, Any]) -> ServiceStatus:
        state = ServiceState(info.get("statename", "STOPPED"))
        pid, started, ended = info.get("pid") or None, info.get("start", 0), info.get("stop", 0)
        return ServiceStatus(name, state, pid, self.log(name), started, ended)

    def _pid_if_up(self, name: str) -> int | None:
        return next(
            (one.pid for one in self.status() if one.name == name and one.state in _UP), None
        )

    def runs(self, name: str, code: str) -> bool:
        """Return whether the service `name` was last started with this code."""
        return has_text(self._code(name), code) if code else not self._code(name).exists()

    def _code(self, name: str) -> Path:
        """Return the file with the digest of the code that the service runs."""
        return self._supervisord.directory / "conf.d" / f"{name}.code"

    def _death(self, name: str, state: ServiceState) -> str:
        log = self.log(name)
        return f"service {name} does not run ({state.value}); its log is {log}\n{reason(log)}"

    def _stop(self, *names: str) -> None:
        """End some services; supervisor sends SIGKILL to those that take too long."""
        self._ask_to_end(*names)
        self._supervisord.wait_while_stopping(names)
        self._supervisord.end_processes(names)

    def _ask_to_end(self, *names: str) -> None:
        for one in self.status():
            if one.name in names and one.state in (*_UP, ServiceState.BACKOFF):
                self._supervisord.signal_stop(one.name)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ServiceError(
            f"bad name for a service: {name!r}; use letters, digits, '.', '_' and '-'"
        )
    return name


def _script(argv: Sequence[str | Path], env: Mapping[str, str], cwd: Path, log: Path) -> str:
    """Return the shell script that becomes the service by `exec`."""
    if not argv:
        raise ServiceError("a service needs a program to run")
    bad = [name for name in env if not _VARIABLE.fullmatch(name)]
    if bad:
        raise ServiceError(f"not a name of an environment variable: {bad[0]!r}")
    exports = [f"export {name}={shlex.quote(value)}" for name, value in sorted(env.items())]
    lines = [
        "#!/bin/sh",
        # supervisor's own pipe stays open: if it is closed, poll reports an error at once, and if
        # its number belonged to a connection before, supervisor polls it in an endless loop.
        f'exec {SCRIPT}<"$0" 9<&0 </dev/null >>{shlex.quote(str(log))} 2>&1',
        f"cd {shlex.quote(str(cwd))} || exit 1",
        *exports,
        f"exec {shlex.join(str(word) for word in argv)}",
    ]
    return "\n".join(lines) + "\n"
