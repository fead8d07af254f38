"""Processes that outlive a run, kept by supervisor. Knows no OpenStack, no doit and no plugin.

All files are in one directory, `$DEST/supervisor`: supervisor's configuration and socket, and for
each service a script that can be read, and run by hand. The script carries the arguments, the
environment and the log, since a shell quotes anything, while supervisor's own configuration has
no way to write some characters. Services write their logs themselves, so they outlive a killed
supervisor, and `MARKER` in their environment tells them, and all that they start, from others.
"""

import fcntl
import http.client
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault

from doitstack.errors import ServiceError
from doitstack.files import has_text, private_directory, tail, write_private
from doitstack.processes import end_processes, processes_with
from doitstack.unixrpc import call_unix

MARKER = "SERVICE_KEEPER"
"""The environment variable that names the directory a process is kept from."""

STOP_SECONDS = 10
"""How long a service may take to end after SIGTERM, before SIGKILL."""

# Sockets have paths of at most 107 bytes, so both sides go through /proc; and no character of
# the real path can then disturb supervisor's configuration.
_HERE = "/proc/self/cwd"
_SOCKET = "supervisor.sock"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_RUNNING, _ALREADY_ADDED = 70, 90

_KEPT_VARIABLES = (
    *("HOME", "PATH", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "SHELL", "TMPDIR", "TZ", "USER"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"),
)
"""What services see of the caller's environment: not its secrets, and nothing of its run."""

_SUPERVISORD = f"""\
[supervisord]
logfile={_HERE}/supervisord.log
logfile_maxbytes=1MB
logfile_backups=1
pidfile={_HERE}/supervisord.pid
childlogdir={_HERE}
nocleanup=true
umask=077

[unix_http_server]
file={_HERE}/{_SOCKET}
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[include]
files=conf.d/*.conf
"""

_PROGRAM = f"""\
[program:{{name}}]
command=/bin/sh {_HERE}/conf.d/{{name}}.sh
autostart=false
autorestart=false
startsecs=1
startretries=0
stopasgroup=true
killasgroup=true
stopwaitsecs={STOP_SECONDS}
stdout_logfile=NONE
stderr_logfile=NONE
"""


class State(Enum):
    """What a service may be doing, in supervisor's words."""

    STOPPED = "STOPPED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    BACKOFF = "BACKOFF"
    EXITED = "EXITED"
    FATAL = "FATAL"
    UNKNOWN = "UNKNOWN"


_UP = (State.STARTING, State.RUNNING)


@dataclass(frozen=True)
class ServiceStatus:
    """One service: its name, its state, its process (None if it has none) and its log."""

    name: str
    state: State
    pid: int | None
    log: Path


class Services:
    """The services kept from `directory`, with their logs in `log_dir`.

    supervisord is started with the first service, and ends with `stop_all`. Several processes may
    use one directory at once.
    """

    def __init__(self, directory: Path, log_dir: Path) -> None:
        self._directory = Path(os.path.realpath(directory))
        self._log_dir = log_dir.absolute()

    def start(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Have `argv` run as the service `name`, with `env` beside a small standard environment.

        A service that runs from the same arguments is left alone; one that runs from others is
        restarted. Raises ServiceError, with the end of its log, if it does not stay up for a
        second.
        """
        script = _script(argv, env or {}, cwd or Path("/"), self.log(_checked(name)))
        with self._locked():
            self._ensure_supervisord()
            if self._is_up(name) and has_text(self._file(name, "sh"), script):
                return
            self._stop(name)
            private_directory(self._log_dir)
            write_private(self._file(name, "sh"), script)
            write_private(self._file(name, "conf"), _PROGRAM.format(name=name))
            self._add(name)
        self._start(name)

    def stop(self, name: str) -> None:
        """End the service `name` and all that it started; nothing happens if it does not run."""
        with self._locked():
            self._stop(_checked(name))

    def stop_all(self) -> None:
        """End all services and supervisord, and wait until every process is gone.

        Works as well on what a SIGKILL or a reboot has left behind.
        """
        if not self._directory.is_dir():
            return
        with self._locked():
            with suppress(OSError, http.client.HTTPException, Fault):
                self._ask("supervisor.stopAllProcesses")
                self._ask("supervisor.shutdown")
            self._clear_away()

    def status(self) -> list[ServiceStatus]:
        """Return every service that was ever started here, by name."""
        names = sorted(path.stem for path in self._directory.glob("conf.d/*.conf"))
        infos: list[dict[str, Any]] = []
        if self._answers():
            infos = self._call("supervisor.getAllProcessInfo")
        known = {info["name"]: info for info in infos}
        return [self._status(name, known.get(name, {})) for name in names]

    def check(self, name: str) -> None:
        """Raise ServiceError, with the end of its log, unless the service `name` runs."""
        state = next((one.state for one in self.status() if one.name == name), State.STOPPED)
        if state not in _UP:
            raise self._death(name, state)

    def pids(self, name: str) -> list[int]:
        """Return the processes of the service `name`, those that it started among them."""
        return [process.pid for process in processes_with(self._environ(_checked(name)))]

    def log(self, name: str) -> Path:
        """Return where the service `name` writes."""
        return self._log_dir / f"{name}.log"

    def _file(self, name: str, kind: str) -> Path:
        return self._directory / "conf.d" / f"{name}.{kind}"

    def _status(self, name: str, info: dict[str, Any]) -> ServiceStatus:
        state = State(info.get("statename", "STOPPED"))
        return ServiceStatus(name, state, info.get("pid") or None, self.log(name))

    def _is_up(self, name: str) -> bool:
        return any(one.name == name and one.state in _UP for one in self.status())

    def _death(self, name: str, state: State) -> ServiceError:
        log = self.log(name)
        return ServiceError(
            f"service {name} does not run ({state.value}); the end of {log}:\n{tail(log)}"
        )

    def _add(self, name: str) -> None:
        self._call("supervisor.reloadConfig")
        try:
            self._call("supervisor.addProcessGroup", name)
        except Fault as fault:
            if fault.faultCode != _ALREADY_ADDED:
                raise

    def _start(self, name: str) -> None:
        try:
            self._call("supervisor.startProcess", name)
        except Fault as fault:
            raise self._death(name, State.EXITED) from fault

    def _stop(self, name: str) -> None:
        if self._is_up(name):
            try:
                self._call("supervisor.stopProcess", name)
            except Fault as fault:
                if fault.faultCode != _NOT_RUNNING:
                    raise
        self._end(name)

    def _ensure_supervisord(self) -> None:
        if self._answers():
            return
        self._clear_away()
        write_private(self._directory / "supervisord.conf", _SUPERVISORD)
        private_directory(self._directory / "conf.d")
        command = [sys.executable, "-m", "supervisor.supervisord"]
        environ = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        done = subprocess.run(
            [*command, "--configuration", f"{_HERE}/supervisord.conf"],
            cwd=self._directory,
            env={**environ, MARKER: str(self._directory)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            umask=0o077,
            start_new_session=True,
        )
        # It listens before it goes into the background, so from here on it answers.
        if done.returncode:
            raise ServiceError(f"supervisord does not start: {done.stderr.strip()}")

    def _clear_away(self) -> None:
        """End what is left of supervisord and its services, and take its leavings away."""
        self._end()
        for name in (_SOCKET, "supervisord.pid"):
            (self._directory / name).unlink(missing_ok=True)

    def _end(self, name: str | None = None) -> None:
        """End the processes kept from here: those of one service, or all with supervisord."""
        left = end_processes(processes_with(self._environ(name)), STOP_SECONDS)
        if left:
            pids = ", ".join(str(process.pid) for process in left)
            raise ServiceError(f"these processes do not end, not even by SIGKILL: {pids}")

    def _environ(self, name: str | None) -> dict[str, str]:
        marks = {MARKER: str(self._directory)}
        return {**marks, "SUPERVISOR_PROCESS_NAME": name} if name else marks

    def _answers(self) -> bool:
        try:
            self._ask("supervisor.getState")
        except (OSError, http.client.HTTPException):
            return False
        return True

    def _call(self, method: str, *arguments: str) -> Any:
        """Ask supervisord; raises Fault where it says no, ServiceError where it says nothing."""
        try:
            return self._ask(method, *arguments)
        except (OSError, http.client.HTTPException) as error:
            raise ServiceError(f"supervisord in {self._directory}: {error!r}") from error

    def _ask(self, method: str, *arguments: str) -> Any:
        handle = os.open(self._directory, os.O_PATH | os.O_CLOEXEC)
        try:
            path = f"/proc/self/fd/{handle}/{_SOCKET}"
            return call_unix(path, method, *arguments, timeout=4 * STOP_SECONDS)
        finally:
            os.close(handle)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        handle = os.open(
            private_directory(self._directory) / "lock",
            os.O_RDWR | os.O_CREAT | os.O_CLOEXEC,
            0o600,
        )
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ServiceError(
            f"bad name for a service: {name!r}; use letters, digits, '.', '_' and '-'"
        )
    return name


def _script(argv: Sequence[str | Path], env: Mapping[str, str], cwd: Path, log: Path) -> str:
    """Return the shell script that becomes the service."""
    if not argv:
        raise ServiceError("a service needs a program to run")
    bad = [name for name in env if not _VARIABLE.fullmatch(name)]
    if bad:
        raise ServiceError(f"not a name of an environment variable: {bad[0]!r}")
    exports = [f"export {name}={shlex.quote(value)}" for name, value in sorted(env.items())]
    lines = [
        "#!/bin/sh",
        f"exec </dev/null >>{shlex.quote(str(log))} 2>&1",
        f"cd {shlex.quote(str(cwd))} || exit 1",
        *exports,
        f"exec {shlex.join(str(word) for word in argv)}",
    ]
    return "\n".join(lines) + "\n"
