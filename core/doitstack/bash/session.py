"""The one bash session of a run, in which scripts and `shell("...")` actions run.

Sends commands to `session.sh`, one at a time, and receives its messages (see `protocol`). The
listener handles what the messages mean.
"""

import shlex
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from doitstack.bash.bash_process import BashProcess, SessionPlace
from doitstack.bash.protocol import (
    Answer,
    MessageBuffer,
    decode_variables,
    encode_answer,
    encode_command,
    ended_without_message,
    session_error,
)
from doitstack.errors import StepError, StepTimeoutError
from doitstack.futures.watchdog import Watchdog
from doitstack.private_files import read_regular
from doitstack.processes.event_loop import EventLoop
from doitstack.processes.tree import Root, stop

Reply = Callable[[Answer], None]
"""Sends the answer to a request, at once or later."""


class Listener(Protocol):
    """Receives the messages of a session."""

    def async_started(self, name: str, pid: int, start_time: int, command: str) -> None:
        """A future has started as `pid` (0: in place) at `start_time` ms since the epoch."""

    def async_ended(self, name: str, rc: int) -> None:
        """A future that ran in place has ended."""

    def took(self, component: str, milliseconds: int) -> None:
        """A `time_stop` was reached."""

    def request(self, verb: str, arguments: Sequence[str], reply: Reply) -> None:
        """The shell requests something that only the main process can do."""

    def learn(self, secret: str) -> None:
        """A script has set a secret."""

    def session_ended(self) -> None:
        """The session has ended."""


@dataclass(frozen=True, eq=False)
class _Command:
    """A command that waits until the shell is free.

    Args:
        text: returns the command; it is called when the shell is free. An empty one is not sent.
        then: is called once the command has ended, with the error if it has failed.
    """

    text: Callable[[], str]
    then: Callable[[StepError | None], None]


class Session:
    """The bash session. It starts when this is made, and ends with `close`.

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
        self._known: dict[str, str] = {}
        self._commands_sent = 0
        self._is_lost = False
        self._hidden: list[str] = []
        self._process = BashProcess(place, loop, self._read, self._ended)
        watchdog.session(self._process.pid)
        self._prepare(place)

    # -- life ----------------------------------------------------------------------------------

    def _prepare(self, place: SessionPlace) -> None:
        values = _assignments(place.variables)
        script = shlex.quote(str(place.script or ""))
        self.post(lambda: f"_doitstack_settings() {{\n:\n{values}\n}}\n_doitstack_settings")
        self.post(lambda: f'_doitstack_localrc={script}; source "$_doitstack_home/load.sh"; true')

    @property
    def root(self) -> Root:
        """The process tree of bash and of the processes that its command has started."""
        return Root(self._process.pid, self._watchdog.command_mark(self._commands_sent))

    def close_in_child(self) -> None:
        """In a forked child: close the pipe of commands, which else would keep bash alive."""
        self._process.close_commands()

    @property
    def is_alive(self) -> bool:
        """Whether it can take commands."""
        return self._process.is_alive

    @property
    def has_ended(self) -> bool:
        """Whether it is known to have ended, and why."""
        return self._failure is not None and not self.is_alive

    def _ended(self) -> None:
        code = self._process.wait()
        self._read()
        if code:  # the command failed, and will run again
            stop([self.root], grace=0)
        if self._failure is None:
            self._failure = ended_without_message(code)
        commands = [self._current, *self._queue]
        self._current = None
        self._queue.clear()
        for command in filter(None, commands):
            command.then(self._failure)
        self._listener.session_ended()

    def close(self) -> None:
        """End the session, but not the futures that it has forked."""
        self._queue.clear()
        if self.is_alive:
            self._process.close_commands()
            if not self._loop.run_until(lambda: self._failure is not None, timeout=2):
                stop([self.root])
        self._watchdog.session(0)
        self._process.close()

    # -- commands ------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether a command runs."""
        return self._current is not None

    def post(
        self, text: Callable[[], str], then: Callable[[StepError | None], None] = lambda _: None
    ) -> None:
        """Run the command that `text` returns, under errexit, once the shell is free.

        `text` is called then; if it returns "", nothing runs. `then` is called after the
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
        """Source a script inside a function, as DevStack does. Raises StepError.

        Args:
            arguments: its `$1` and so on.
            trace: the file to which `set -x` writes.
            goes_on: whether a command that fails is only reported; if not, it ends the session.
        """
        how = (str(trace), "yes" if goes_on else "", str(script))
        self.run(lambda: shlex.join(("_doitstack_run_script", *how, *arguments)))

    def run_apart(self, name: str, command: str) -> None:
        """Run `command` to its end as the future `name`, which is declared already.

        If it fails or exits, the session goes on.
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
            self._process.send_command(encode_command(text))
        except OSError as error:
            raise StepError(f"the bash session does not take commands: {error}") from error

    # -- variables -----------------------------------------------------------------------------

    def changes(self, variables: Mapping[str, str]) -> str:
        """Return the command that sets those of `variables` that differ in the shell."""
        return _assignments(
            {name: text for name, text in variables.items() if self._known.get(name) != text}
        )

    def hide(self, secrets: Sequence[str]) -> None:
        """Let the shell show stars instead of `secrets`."""
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
            for chunk in self._process.read():
                messages.extend(self._inbox.take(chunk))
        except StepError as error:
            self._lose(error)
        for kind, *fields in messages:
            self._take(kind, fields)

    def _lose(self, error: StepError) -> None:
        """End the session, since its messages cannot be read any more."""
        self._is_lost = True
        self._failure = self._failure or error
        self._process.stop_reading()
        stop([self.root], grace=0)

    def _take_file(self, path: Path) -> None:
        """Handle a message that is too long for one write into the pipe."""
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
            case "secret":
                listener.learn(fields[0])
            case "request":
                listener.request(fields[1], fields[2:], partial(self._answer, fields[0]))
            case _:
                self._failure = session_error(kind, fields) or self._failure

    def _done(self) -> None:
        try:
            self._known = decode_variables(self._process.variables())
        except StepError as error:
            self._lose(error)
            return
        command, self._current = self._current, None
        self._watchdog.session(self._process.pid)
        if command:
            command.then(None)
        self._send_next()

    def _answer(self, pipe: str, answer: Answer) -> None:
        self._process.send_answer(pipe, encode_answer(answer))


def _assignments(variables: Mapping[str, str]) -> str:
    return "\n".join(f"{name}={shlex.quote(text)}" for name, text in variables.items())
