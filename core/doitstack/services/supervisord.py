"""The supervisord of a stack: its configuration, its start and end, and requests to it.

All its files are in one directory. A *program* is supervisor's term for a process that it runs.
"""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault

from doitstack.errors import ServiceError
from doitstack.private_files import has_text, locked, private_directory, write_private
from doitstack.processes.tree import (
    all_processes,
    descendants,
    end_processes,
    environ_of,
    look_up,
)
from doitstack.services.program_files import program_names
from doitstack.services.unixrpc import call_unix

DIRECTORY_VARIABLE = "SERVICE_KEEPER"
"""The environment variable of each program that names the directory of its supervisord."""

NAME_VARIABLE = "SUPERVISOR_PROCESS_NAME"
"""The environment variable of each program with its name, by supervisor."""

SCRIPT = 8
"""The descriptor on which a program has its own script open, as do all that it forks."""

STOP_SECONDS = 10
"""The time that a service has to end after SIGTERM, before SIGKILL."""

# Sockets have paths of at most 107 bytes, so both sides go through /proc; and no character of
# the real path can then disturb supervisor's configuration.
_HERE = "/proc/self/cwd"
_SOCKET = "supervisor.sock"
_HOLDING_STDIN = ("/bin/sh", "-c", '"$@" </dev/null', "sh")
_UNKNOWN, _NOT_RUNNING = 10, 70
_ANSWER_SECONDS = 120
"""The time limit for an answer; the slowest one comes when a program stays up."""

_LOOK_AGAIN_SECONDS = 0.05
_ROUNDS = 5
"""How often processes that come again are asked to end, and then are killed."""

_PATIENCE_SECONDS = 120
"""The time after which programs that supervisor does not stop are ended without it."""

_KEPT_VARIABLES = (
    *("HOME", "PATH", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "SHELL", "TMPDIR", "TZ", "USER"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"),
)
"""The caller's variables that programs get: neither its secrets nor anything of its run."""

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
stopwaitsecs={{stop_seconds}}
stdout_logfile=NONE
stderr_logfile=NONE
"""


class Supervisord:
    """The supervisord of `directory`. Several processes may use one directory at once."""

    def __init__(self, directory: Path) -> None:
        real = Path(os.path.realpath(directory))
        if not real.is_dir():
            # A link that leads nowhere may have come in its place, after its processes.
            real = Path(os.path.realpath(directory.parent)) / directory.name
        self.directory = real
        self._lock = subprocess.DEVNULL
        self._is_stuck = False
        """Whether it has not answered in time: then it is not asked again."""

    def names(self) -> list[str]:
        """Return the names of all programs that it has a configuration of."""
        return program_names(self.directory)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Prevent other processes from starting or stopping programs here in the block."""
        with locked(private_directory(self.directory)) as descriptor:
            self._lock = descriptor
            try:
                yield
            finally:
                self._lock = subprocess.DEVNULL

    def ensure(self) -> None:
        """Start supervisord unless it runs. Raises ServiceError.

        If it was killed, the programs that it has left are started again under the new one.
        """
        if self.answers():
            return
        left = self.left_programs()
        self._remove_remains()
        write_private(self.directory / "supervisord.conf", _SUPERVISORD)
        private_directory(self.directory / "conf.d")
        command = [sys.executable, "-m", "doitstack.services.supervisord_program"]
        environ = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        done = subprocess.run(
            [*_HOLDING_STDIN, *command, "--configuration", f"{_HERE}/supervisord.conf"],
            cwd=self.directory,
            env={**environ, DIRECTORY_VARIABLE: str(self.directory)},
            # It holds the lock until supervisord answers, even if we are killed meanwhile: the next
            # caller could miss it, as it forks, and would start a second one.
            stdin=self._lock,
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
        self._is_stuck = False
        for name in left:
            self.start(name, wait=False)

    def shut_down(self) -> None:
        """End it and its programs, or the processes and files that a SIGKILL or reboot has left."""
        with suppress(OSError, http.client.HTTPException, Fault):
            # Supervisor itself, if told to wait, looks only once a second whether they have ended.
            self._ask("supervisor.stopAllProcesses", False)  # noqa: FBT003 - its API
            self.wait_while_stopping(self.names())
            self._ask("supervisor.shutdown")
        self._remove_remains()

    def has(self, name: str, script: str, stop_seconds: int) -> bool:
        """Return whether the program `name` has exactly this configuration."""
        conf = _PROGRAM.format(name=name, stop_seconds=stop_seconds)
        return has_text(self._file(name, "sh"), script) and has_text(self._file(name, "conf"), conf)

    def put(self, name: str, script: str, stop_seconds: int) -> None:
        """Write the configuration of `name`, which must be stopped, and load it."""
        write_private(self._file(name, "sh"), script)
        conf = _PROGRAM.format(name=name, stop_seconds=stop_seconds)
        write_private(self._file(name, "conf"), conf)
        self._try(_UNKNOWN, "supervisor.removeProcessGroup", name)
        self._call("supervisor.reloadConfig")
        self._call("supervisor.addProcessGroup", name)

    def start(self, name: str, *, wait: bool) -> bool:
        """Start a program; return whether that worked and, with `wait`, whether it stays up."""
        try:
            self._call("supervisor.startProcess", name, wait)
        except Fault:
            return False
        return True

    def signal_stop(self, name: str) -> None:
        """Ask the program `name` to end, if it runs; do not wait for it."""
        self._try(_NOT_RUNNING, "supervisor.stopProcess", name, False)  # noqa: FBT003 - its API

    def wait_while_stopping(self, names: Iterable[str]) -> None:
        """Wait until programs that were asked to end have ended or have been killed, or 120 s."""
        wanted, deadline = set(names), time.monotonic() + _PATIENCE_SECONDS
        while wanted & self._stopping() and time.monotonic() < deadline:
            time.sleep(_LOOK_AGAIN_SECONDS)

    def infos(self) -> dict[str, dict[str, Any]]:
        """Return supervisor's information about each program; none if supervisord does not run."""
        try:
            infos = self._ask("supervisor.getAllProcessInfo")
        except (OSError, http.client.HTTPException):
            return {}
        return {info["name"]: info for info in infos}

    def _stopping(self) -> set[str]:
        return {name for name, info in self.infos().items() if info["statename"] == "STOPPING"}

    def processes(self) -> dict[str, list[int]]:
        """Return the pids of each program and of its descendants; supervisord itself is ""."""
        found: dict[str, list[int]] = {}
        for process in all_processes():
            name = self._program_of(process.pid)
            if name is not None:
                found.setdefault(name, []).append(process.pid)
        return found

    def adopted(self, program: str, pid: int) -> set[int]:
        """Return the pids of a program's processes that are not below its first process, `pid`.

        They are those that lost their parent, as forks of what another program has imported did.
        """
        first = look_up(pid)
        if first is None:
            return set()
        siblings = [one.pid for one in all_processes() if one.parent == first.parent]
        others = (one for one in siblings if one != pid and self._program_of(one) == program)
        return descendants(*others)

    def _program_of(self, pid: int) -> str | None:
        """Return the program of a process: "" for supervisord, None for a process of others."""
        with suppress(OSError):  # it has ended, or belongs to another user
            environ = environ_of(pid, DIRECTORY_VARIABLE)
            if environ.get(DIRECTORY_VARIABLE) == str(self.directory):
                return environ.get(NAME_VARIABLE, "")
            # A process that sets its title (nova-conductor does) overwrites its environment.
            script = Path(f"/proc/{pid}/fd/{SCRIPT}").readlink()
            return script.stem if script.parent == self.directory / "conf.d" else None
        return None

    def end_processes(self, names: Iterable[str]) -> None:
        """End the processes of some programs, and wait until they have ended.

        Raises ServiceError if some do not end, or are started again and again.
        """
        wanted = set(names)
        # Processes that were started during the search are found by the next search. What starts
        # another one on SIGTERM is killed at once.
        for grace in (*[STOP_SECONDS] * _ROUNDS, *[0.0] * _ROUNDS):
            pids = self._pids_of(wanted)
            if not pids:
                return
            if left := end_processes(pids, grace=grace):
                raise ServiceError(
                    f"these processes do not end, not even by SIGKILL: "
                    f"{', '.join(map(str, sorted(left)))}"
                )
        raise ServiceError(f"processes of {', '.join(sorted(wanted))} are started again and again")

    def left_programs(self) -> list[str]:
        """Return the programs of which processes run."""
        return sorted(filter(None, self.processes()))

    def _pids_of(self, names: set[str]) -> set[int]:
        found = self.processes()
        return {pid for name in names for pid in found.get(name, ())}

    def _remove_remains(self) -> None:
        """End its processes and those of its programs, and remove its socket and pid file."""
        self.end_processes(self.processes())
        for name in (_SOCKET, "supervisord.pid"):
            (self.directory / name).unlink(missing_ok=True)

    def _file(self, name: str, kind: str) -> Path:
        """Return a file of the program `name`: its configuration `conf` or its script `sh`."""
        return self.directory / "conf.d" / f"{name}.{kind}"

    def answers(self) -> bool:
        """Return whether it runs."""
        try:
            self._ask("supervisor.getState")
        except (OSError, http.client.HTTPException):
            return False
        return True

    def _try(self, harmless: int, method: str, *arguments: Any) -> None:
        """Call a method; ignore a Fault with the code `harmless`."""
        try:
            self._call(method, *arguments)
        except Fault as fault:
            if fault.faultCode != harmless:
                raise

    def _call(self, method: str, *arguments: Any) -> Any:
        """Call a method. Raises Fault if it refuses, ServiceError if it does not answer."""
        try:
            return self._ask(method, *arguments)
        except (OSError, http.client.HTTPException) as error:
            raise ServiceError(f"supervisord in {self.directory}: {error!r}") from error

    def _ask(self, method: str, *arguments: Any) -> Any:
        if self._is_stuck:
            raise TimeoutError(f"no answer in {_ANSWER_SECONDS} s")
        handle = os.open(self.directory, os.O_PATH | os.O_CLOEXEC)
        try:
            path = f"/proc/self/fd/{handle}/{_SOCKET}"
            return call_unix(path, method, *arguments, timeout=_ANSWER_SECONDS)
        except TimeoutError:
            self._is_stuck = True
            raise
        finally:
            os.close(handle)
