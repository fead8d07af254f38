"""The one bash process of a run, in which scripts and `shell("...")` actions run.

Talks with `session.sh`: commands go there one at a time, messages come back (see `protocol`). Knows
how to run a command and whom to report to; what a request means is for others.
"""

import fcntl
import os
import shlex
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from doitstack.bash.protocol import (
    Answer,
    MessageBuffer,
    decode_variables,
    encode_answer,
    encode_command,
    session_error,
)
from doitstack.console.main_log import write_all
from doitstack.errors import CommandError, StepError, StepTimeoutError
from doitstack.futures.watchdog import Watchdog, die_with_parent
from doitstack.private_files import read_regular
from doitstack.processes.event_loop import EventLoop
from doitstack.processes.program import without_functions
from doitstack.processes.tree import Root, open_pidfd, stop

SESSION = Path(__file__).with_name("session.sh")

Reply = Callable[[Answer], None]
"""Sends the answer to a request, now or later."""


class Listener(Protocol):
    """Whoever takes in what the shell reports while it runs."""

    def async_started(self, name: str, pid: int, start_time: int, command: str) -> None:
        """A future has started as `pid` (0: in place) at `start_time` ms since the epoch."""

    def async_ended(self, name: str, rc: int) -> None:
        """A future that ran in place has ended."""

    def took(self, component: str, milliseconds: int) -> None:
        """A `time_stop` was reached."""

    def request(self, verb: str, arguments: Sequence[str], reply: Reply) -> None:
        """The shell asks for something that only the main process can do."""

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


@dataclass(frozen=True, eq=False)
class _Command:
    """A command that waits until the shell is free.

    Args:
        text: returns the command; it is called when the shell takes it. An empty one is not sent.
        then: is called once the command has ended, with the error if it has failed.
    """

    text: Callable[[], str]
    then: Callable[[StepError | None], None]


class Session:
    """The bash process. Starts when it is made; ends with `close`.

    Commands may be posted at any time. They run in that order, each once the shell is free.
    """

    def __init__(
        self, place: SessionPlace, loop: EventLoop, watchdog: Watchdog, listener: Listener
    ) -> None:
        self._loop = loop
        self._watchdog = watchdog
        self._listener = listener
        self._inbox = MessageBuffer()
        self._queue: deque[_Command] = deque()
        self._current: _Command | None = None
        self._failure: StepError | None = None
        self._variables_file = _out_of_the_way(os.memfd_create("variables"))
        self._known: dict[str, str] = {}
        self._commands_sent = 0
        self._is_lost = False
        self._hidden: list[str] = []
        self._start(place)
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
            env=without_functions(os.environ),
            pass_fds=given,
            process_group=0,
            preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509 - we have one thread
        )  # fmt: skip
        for descriptor in given[:3]:
            os.close(descriptor)
        self._watchdog.session(self._process.pid)
        self._loop.watch(self._messages, self._read)
        handle = open_pidfd(self._process.pid)
        assert handle is not None
        self._handle = handle
        self._loop.watch(handle, self._ended)

    def _prepare(self, place: SessionPlace) -> None:
        values = _assignments(place.variables)
        script = shlex.quote(str(place.script or ""))
        self.post(lambda: f"_doitstack_settings() {{\n:\n{values}\n}}\n_doitstack_settings")
        self.post(lambda: f'_doitstack_localrc={script}; source "$_doitstack_home/load.sh"; true')

    @property
    def root(self) -> Root:
        """The tree of the bash process and of what its command has started."""
        return Root(self._process.pid, self._watchdog.command_mark(self._commands_sent))

    def close_in_child(self) -> None:
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
        if code < 0:
            stop([self.root], grace=0)
        if self._failure is None:
            self._failure = CommandError(
                f"the bash session has ended with code {code}, without a word: "
                f"it was killed, or a script used `exec` or "
                f"closed a descriptor from 230 on",
                code,
            )
        commands = [self._current, *self._queue]
        self._current = None
        self._queue.clear()
        for command in filter(None, commands):
            command.then(self._failure)
        self._listener.session_ended()

    def close(self) -> None:
        """End the session; its futures are left to those who know them."""
        self._queue.clear()
        if self.is_alive:
            os.close(self._commands)
            self._commands = -1
            if not self._loop.run_until(lambda: self._failure is not None, timeout=2):
                stop([self.root])
        self._watchdog.session(0)
        self._loop.forget(self._messages)
        self._loop.forget(self._handle)
        for descriptor in (
            self._answers, self._messages, self._variables_file, self._handle, self._commands
        ):  # fmt: skip
            if descriptor >= 0:
                os.close(descriptor)
        self._process.wait()

    # -- commands ------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether a command runs."""
        return self._current is not None

    def post(
        self, text: Callable[[], str], then: Callable[[StepError | None], None] = lambda _: None
    ) -> None:
        """Run the command that `text` returns, under errexit, once the shell is free.

        `text` is called then; if it returns nothing, nothing runs. `then` is called after the
        command's end with an error that has file and line, or None. A failure ends the session, as
        it would end `stack.sh`.
        """
        self._queue.append(_Command(text, then))
        self._send_next()

    def run(self, text: Callable[[], str]) -> None:
        """Run a command as `post` does, and wait for its end here. Raises StepError."""
        ends: list[StepError | None] = []
        command = _Command(text, ends.append)
        self._queue.append(command)
        self._send_next()
        try:
            self._loop.run_until(lambda: bool(ends))
        except StepTimeoutError:
            # What it runs ends with it.
            stop([self.root])
            raise
        finally:
            with suppress(ValueError):
                self._queue.remove(command)
        if ends[0]:
            raise ends[0]

    def source(
        self, script: Path, arguments: Sequence[str], trace: Path, *, goes_on: bool = False
    ) -> None:
        """Source a script inside a function with `arguments`, as DevStack does. Raises StepError.

        What it traces by `set -x` goes to the file `trace`. If it `goes_on`, a command that fails
        is reported and does not end it.
        """
        how = (str(trace), "yes" if goes_on else "", str(script))
        self.run(lambda: shlex.join(("_doitstack_source", *how, *arguments)))

    def run_apart(self, name: str, command: str) -> None:
        """Run `command` to its end as the future `name`, which is declared already.

        Its end is not the session's, whatever it is.
        """
        words = f"_async_in_place {shlex.quote(name)} _async_separately {shlex.quote(command)}"
        self.run(lambda: f"set +o errexit; {words}; true")

    def _send_next(self) -> None:
        while self._queue and not self._current:
            command = self._queue.popleft()
            try:
                text = self._text_of(command)
                if text:
                    self._current = command
                    self._send(text)
            except StepError as error:
                self._current = None
                command.then(error)
            else:
                if not text:
                    command.then(None)

    def _text_of(self, command: _Command) -> str:
        if self._failure:
            raise StepError(f"the bash session has ended: {self._failure}") from self._failure
        return command.text()

    def _send(self, text: str) -> None:
        self._commands_sent += 1
        self._watchdog.session(self._process.pid, self._commands_sent)
        try:
            write_all(self._commands, encode_command(text))
        except OSError as error:
            raise StepError(f"the bash session does not take commands: {error}") from error

    # -- variables -----------------------------------------------------------------------------

    def changes(self, variables: Mapping[str, str]) -> str:
        """Return the command that sets the variables that differ from what the shell has."""
        return _assignments(
            {name: text for name, text in variables.items() if self._known.get(name) != text}
        )

    def hide(self, secrets: Sequence[str]) -> None:
        """Let the shell show stars where it would show one of `secrets`."""
        if list(secrets) != self._hidden:
            self._hidden = list(secrets)
            self.run(lambda: f"_doitstack_secrets=({shlex.join(self._hidden)})")

    def variables(self) -> dict[str, str]:
        """Return the plain variables of the shell as its last command left them."""
        return dict(self._known)

    # -- messages ------------------------------------------------------------------------------

    def _read(self) -> None:
        if self._is_lost:
            return
        messages: list[list[str]] = []
        try:
            for chunk in self._chunks():
                messages.extend(self._inbox.take(chunk))
        except StepError as error:
            self._lose(error)
        for kind, *fields in messages:
            self._take(kind, fields)

    def _chunks(self) -> Iterator[bytes]:
        with suppress(BlockingIOError):
            while chunk := os.read(self._messages, 1 << 16):
                yield chunk
            # All writers are gone, and the end of a pipe can be read for ever.
            self._loop.forget(self._messages)

    def _lose(self, error: StepError) -> None:
        """End the session: what it says cannot be understood any more."""
        self._is_lost = True
        self._failure = self._failure or error
        self._loop.forget(self._messages)
        stop([self.root], grace=0)

    def _take_file(self, path: Path) -> None:
        """Take in a message that is too long for one write into the pipe."""
        try:
            messages = list(MessageBuffer().take(read_regular(path)))
            path.unlink()
        except (OSError, StepError) as error:
            self._lose(StepError(f"a message of the bash session cannot be read: {error}"))
            return
        for kind, *fields in messages:
            self._take(kind, fields)

    def _take(self, kind: str, fields: list[str]) -> None:
        listener = self._listener
        match kind:
            case "file":
                self._take_file(Path(fields[0]))
            case "done":
                self._done()
            case "time":
                listener.took(fields[0], int(fields[1]))
            case "async_started":
                listener.async_started(fields[0], int(fields[1]), int(fields[2]), fields[3])
            case "async_ended":
                listener.async_ended(fields[0], int(fields[1]))
            case "request":
                listener.request(fields[1], fields[2:], partial(self._answer, fields[0]))
            case _:
                self._failure = session_error(kind, fields) or self._failure

    def _done(self) -> None:
        size = os.fstat(self._variables_file).st_size
        self._known = decode_variables(os.pread(self._variables_file, size, 0))
        command, self._current = self._current, None
        self._watchdog.session(self._process.pid)
        if command:
            command.then(None)
        self._send_next()

    def _answer(self, pipe: str, answer: Answer) -> None:
        # A shell or subshell that has been stopped meanwhile reads no answer.
        with suppress(OSError):
            if not pipe:
                write_all(self._answers, encode_answer(answer))
                return
            descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            try:
                write_all(descriptor, encode_answer(answer))
            finally:
                os.close(descriptor)


def _assignments(variables: Mapping[str, str]) -> str:
    return "\n".join(f"{name}={shlex.quote(text)}" for name, text in variables.items())


def _out_of_the_way(descriptor: int) -> int:
    """Move a descriptor to a number that no script uses for itself, as `exec 9>lock` does."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 230)
    os.close(descriptor)
    return moved
