"""The one bash process of a run, in which scripts and `shell("...")` actions run.

Talks with `session.sh`: commands go there, words come back (see `_words`). Knows how to run a
command and whom to tell of what the shell says; what a request means is for others.
"""

import fcntl
import os
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from doitstack.bash.answer import Answer
from doitstack.console.main_log import write_all
from doitstack.errors import CommandError, StepError
from doitstack.futures.watchdog import Guard, die_with_parent
from doitstack.processes.event_loop import Loop
from doitstack.processes.tree import Root, open_pidfd, stop

SESSION = Path(__file__).with_name("session.sh")


class Listener(Protocol):
    """Who hears what the shell says while it runs."""

    def async_started(self, name: str, pid: int, start_time: int, command: str) -> None:
        """A future has started as `pid` (0: in place) at `start_time` ms since the epoch."""

    def async_ended(self, name: str, rc: int) -> None:
        """A future that ran in place has ended."""

    def took(self, component: str, milliseconds: int) -> None:
        """A `time_stop` was reached."""

    def request(self, verb: str, arguments: Sequence[str]) -> Answer:
        """The shell asks for something that only the main process can do."""

    def idle(self) -> None:
        """A command has ended, and the session can take another."""

    def session_ended(self) -> None:
        """The session is gone."""


@dataclass(frozen=True)
class SessionPlace:
    """Where a session runs: its log, its variables, its run."""

    log: int
    cwd: Path
    run: str
    variables: Mapping[str, str]
    script: Path | None


class Session:
    """The bash process. Starts when it is made; ends with `close`."""

    def __init__(self, place: SessionPlace, loop: Loop, guard: Guard, listener: Listener) -> None:
        self._loop = loop
        self._guard = guard
        self._listener = listener
        self._inbox = b""
        self._is_busy = False
        self._failure: StepError | None = None
        self._variables_file = _out_of_the_way(os.memfd_create("variables"))
        self._start(place)
        self._known: dict[str, str] = {}
        self._hidden: list[str] = []
        self._prepare(place)

    # -- life ----------------------------------------------------------------------------------

    def _start(self, place: SessionPlace) -> None:
        commands, self._commands = os.pipe()
        answers, self._answers = os.pipe()
        self._messages, messages = os.pipe()
        os.set_blocking(self._messages, False)
        given = [_out_of_the_way(fd) for fd in (commands, answers, messages)]
        given += [self._variables_file]
        parent = os.getpid()
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc", SESSION, *map(str, given), str(parent), place.run],
            stdin=subprocess.DEVNULL,
            stdout=place.log,
            stderr=place.log,
            cwd=place.cwd,
            pass_fds=given,
            process_group=0,
            preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509 - we have one thread
        )  # fmt: skip
        for descriptor in given[:3]:
            os.close(descriptor)
        self._guard.session(self._process.pid)
        self._loop.watch(self._messages, self._read)
        handle = open_pidfd(self._process.pid)
        assert handle is not None
        self._handle = handle
        self._loop.watch(handle, self._ended)

    def _prepare(self, place: SessionPlace) -> None:
        values = "\n".join(f"{name}={shlex.quote(text)}" for name, text in place.variables.items())
        script = shlex.quote(str(place.script or ""))
        self.run(f"_doitstack_settings() {{\n:\n{values}\n}}\n_doitstack_settings")
        self.run(f'_doitstack_localrc={script}; source "$_doitstack_home/load.sh"; true')

    def set_project_defaults(self) -> None:
        """Have DevStack's projects set what is not set, which comes behind override_defaults."""
        self.run('source "$_doitstack_home/project_defaults.sh"')

    @property
    def pid(self) -> int:
        """The pid of the bash process."""
        return self._process.pid

    def let_go(self) -> None:
        """In a forked child: close what tells the shell that there may be another command."""
        if self._commands >= 0:
            os.close(self._commands)
            self._commands = -1

    @property
    def is_alive(self) -> bool:
        """Whether it can take commands."""
        return self._process.poll() is None

    def _ended(self) -> None:
        self._loop.forget(self._handle)
        self._read()
        code = self._process.wait()
        if self._failure is None:
            self._failure = CommandError(
                f"the bash session has ended with code {code}, without a word: "
                f"it was killed, or a script used `exec`",
                code,
            )
        self._is_busy = False
        self._listener.session_ended()

    def close(self) -> None:
        """End the session; its futures are left to those who know them."""
        if self.is_alive:
            os.close(self._commands)
            self._commands = -1
            if not self._loop.run_until(lambda: self._failure is not None, timeout=2):
                stop([Root(self.pid)])
        self._guard.session(0)
        self._loop.forget(self._messages)
        self._loop.forget(self._handle)
        for descriptor in (
            self._answers, self._messages, self._variables_file, self._handle, self._commands
        ):  # fmt: skip
            if descriptor >= 0:
                os.close(descriptor)
        self._process.wait()

    # -- commands ------------------------------------------------------------------------------

    def run(self, command: str) -> None:
        """Run `command` in the shell, under errexit. Raises StepError with file and line.

        A failure ends the session, as it would end `stack.sh`.
        """
        self._loop.run_until(lambda: not self._is_busy)
        if self._failure:
            raise StepError(f"the bash session has ended: {self._failure}") from self._failure
        self._send(command)
        self._loop.run_until(lambda: not self._is_busy)
        if self._failure:
            raise self._failure

    def source(
        self, script: Path, arguments: Sequence[str], trace: Path, *, goes_on: bool = False
    ) -> None:
        """Source a script inside a function with `arguments`, as DevStack does.

        What it traces by `set -x` goes to the file `trace`. If it `goes_on`, a command that fails
        is told of and does not end it.
        """
        how = (str(trace), "yes" if goes_on else "", str(script))
        self.run(shlex.join(("_doitstack_source", *how, *arguments)))

    @property
    def is_busy(self) -> bool:
        """Whether a command runs."""
        return self._is_busy

    def run_apart(self, name: str, command: str) -> None:
        """Run `command` to its end as the future `name`, which is declared already.

        Its end is not the session's, whatever it is.
        """
        words = f"_async_in_place {shlex.quote(name)} _async_separately {shlex.quote(command)}"
        self.run(f"set +o errexit; {words}; true")

    def start_future(self, name: str, command: str, gate: str) -> None:
        """Have the shell fork `command` as the future `name`, which is declared already.

        It waits at `gate`, if that is not empty.
        """
        self._send(shlex.join(("_async_planned", name, gate, command)))
        self._loop.run_until(lambda: not self._is_busy)

    def _send(self, command: str) -> None:
        if "\0" in command:
            raise StepError(f"the shell takes no command with a NUL in it: {command!r}")
        self._is_busy = True
        try:
            write_all(self._commands, command.encode(errors="surrogateescape") + b"\0")
        except OSError as error:
            self._is_busy = False
            raise StepError(f"the bash session does not take commands: {error}") from error

    # -- variables -----------------------------------------------------------------------------

    def set(self, variables: Mapping[str, str]) -> None:
        """Set the variables that differ from what the shell has."""
        changed = {name: text for name, text in variables.items() if self._known.get(name) != text}
        if changed:
            lines = (f"{name}={shlex.quote(text)}" for name, text in changed.items())
            self.run("\n".join(lines))

    def hide(self, secrets: Sequence[str]) -> None:
        """Have the shell show stars where it would show one of `secrets`."""
        if list(secrets) != self._hidden:
            self._hidden = list(secrets)
            self.run(f"_doitstack_secrets=({shlex.join(self._hidden)})")

    def variables(self) -> dict[str, str]:
        """Return the plain variables of the shell as its last command left them."""
        return dict(self._known)

    def _read_variables(self) -> None:
        data = os.pread(self._variables_file, os.fstat(self._variables_file).st_size, 0)
        fields = data.decode(errors="surrogateescape").split("\0")
        self._known = dict(zip(fields[::2], fields[1::2], strict=False))

    # -- words ---------------------------------------------------------------------------------

    def _read(self) -> None:
        with suppress(BlockingIOError):
            while chunk := os.read(self._messages, 1 << 16):
                self._inbox += chunk
            # All who could say something are gone; the end of a pipe is there to be read for ever.
            self._loop.forget(self._messages)
        for words in self._words():
            self._hear(*words)

    def _words(self) -> list[list[str]]:
        """Take the whole messages: fields that end in NUL, their number first."""
        messages: list[list[str]] = []
        while True:
            count, separator, rest = self._inbox.partition(b"\0")
            fields = rest.split(b"\0", int(count)) if separator else []
            if not separator or len(fields) <= int(count):
                return messages
            self._inbox = fields.pop()
            messages.append([field.decode(errors="surrogateescape") for field in fields])

    def _hear(self, kind: str, *fields: str) -> None:
        listener = self._listener
        match kind:
            case "done":
                self._done()
            case "failed" | "exited" | "ended":
                self._failure = _ENDS[kind](*fields)
            case "time":
                listener.took(fields[0], int(fields[1]))
            case "async_started":
                listener.async_started(fields[0], int(fields[1]), int(fields[2]), fields[3])
            case "async_ended":
                listener.async_ended(fields[0], int(fields[1]))
            case "request":
                self._answer(fields[0], listener.request(fields[1], fields[2:]))

    def _done(self) -> None:
        self._read_variables()
        self._is_busy = False
        self._listener.idle()

    def _answer(self, pipe: str, answer: Answer) -> None:
        data = f"{answer.code}\0{answer.out}\0{answer.err}\0".encode(errors="surrogateescape")
        # A shell or subshell that has been stopped meanwhile reads no answer.
        with suppress(OSError):
            if not pipe:
                write_all(self._answers, data)
                return
            descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            try:
                write_all(descriptor, data)
            finally:
                os.close(descriptor)


def _out_of_the_way(descriptor: int) -> int:
    """Move a descriptor to a number that no script uses for itself, as `exec 9>lock` does."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 230)
    os.close(descriptor)
    return moved


def _failure(code: str, place: str, command: str, stack: str) -> CommandError:
    """Return what errexit says; without a command, it is the status of a script as a whole."""
    what = f"'{command}'" if command else "its last command, or `return`,"
    message = f"{_at(place)}{what} ended with code {code}{_inside(stack)}"
    return CommandError(message, int(code), command)


def _exit(code: str, place: str, words: str, stack: str) -> StepError:
    """Return what an `exit` says: the words of `die`, or that it should not be there."""
    if words:
        return CommandError(f"{_at(place)}{words}", int(code))
    return StepError(
        f"{_at(place)}exit {code} in a script{_inside(stack)}; "
        f"use `return`, or `die` with a message"
    )


def _end(code: str, place: str, stack: str) -> CommandError:
    """Return what is known when bash ends by itself; it has given its reason in the log."""
    return CommandError(
        f"{_at(place)}bash has ended with code {code}{_inside(stack)}: what it says above, "
        f"or an `exit` in its POSIX mode",
        int(code),
    )


def _at(place: str) -> str:
    return f"{place}: " if place else ""


def _inside(stack: str) -> str:
    return f" (in {stack})" if stack else ""


_ENDS: Mapping[str, Callable[..., StepError]] = {
    "failed": _failure,
    "exited": _exit,
    "ended": _end,
}
"""Why a session ends, by the word that the shell says."""
