"""Owns the bash session of a run: starts it on first use, and relays commands and requests.

Passes the settings to the session and back again after each command, lets it fork futures, and
answers its requests.
"""

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial

from doitstack.bash import places
from doitstack.bash.bash_process import SessionPlace
from doitstack.bash.protocol import Answer
from doitstack.bash.session import Reply, Session
from doitstack.bash.start_gate import StartGate
from doitstack.config.local_conf import session_script
from doitstack.config.passwords import SHELL_PASSWORDS
from doitstack.errors import DoitstackError, SettingsError, StepError
from doitstack.futures.future import Future, FutureState
from doitstack.futures.registry import FutureRegistry
from doitstack.futures.run_context import RunContext
from doitstack.journal.events import ComponentTime
from doitstack.phases import Phase
from doitstack.processes.tree import Root
from doitstack.stack import Stack

_OF_A_SHELL = {"UID", "EUID", "PPID", "PWD", "OLDPWD"}
"""The variables that each shell sets for itself; some of them cannot be assigned."""

_DECLARED = 4
"""How many arguments a script's `async_run` sends: name, command, lock and timeout."""

_TEARDOWN_TIMEOUT = "60"
"""SERVICE_TIMEOUT in a teardown, as in DevStack: scripts may wait for what was never started."""

MakeSession = Callable[[SessionPlace, "SessionOwner"], Session]
"""Starts a session that reports to the owner."""


class SessionOwner:
    """The session of one run; the listener for its messages.

    Args:
        secrets: returns the secrets that the shell must not show.
        make_session: starts a session; only tests replace it.
    """

    def __init__(
        self,
        run: RunContext,
        stack: Stack,
        futures: FutureRegistry,
        secrets: Callable[[], Sequence[str]],
        make_session: MakeSession | None = None,
    ) -> None:
        self._run = run
        self._stack = stack
        self._futures = futures
        self._secrets = secrets
        self._make_session = make_session or self._start_session
        self._session: Session | None = None
        self._forked: dict[str, Future] = {}
        self._has_project_defaults = False
        futures.call_in_child(self._close_in_child)

    def use(self, phase: Phase, work: Callable[[Session], None]) -> None:
        """Set the variables of `phase` in the session, do `work` with it, and read them back.

        Raises StepError.
        """
        session = self._ready(phase)
        session.run(lambda: session.changes(self._variables(phase)))
        session.hide(self._secrets())
        try:
            work(session)
        finally:
            self._stack.settings.update(session.variables())

    def start_future(self, phase: Phase, future: Future, command: str) -> None:
        """Let the session fork `command` as a declared future, once the session is free.

        In a serial run this returns once the future has ended.
        """
        try:
            session = self._ready(phase)
        except (DoitstackError, OSError) as error:
            self._futures.cannot_start(future, error)
            return
        if self._run.options.parallel:
            session.post(partial(self._fork, future, command), partial(self._after_fork, future))
            return
        try:
            session.run_apart(future.name, command)
        except StepError:
            self._futures.ended(future, None)

    def busy(self) -> list[Root]:
        """Return the session as the root of a tree, if it runs a command now."""
        session = self._session
        return [session.root] if session and session.is_busy and session.is_alive else []

    def close(self) -> None:
        """End the session, if there is one."""
        if self._session:
            with suppress(DoitstackError):
                self._session.close()
            self._session = None

    def _close_in_child(self) -> None:
        if self._session:
            self._session.close_in_child()

    # -- the session ---------------------------------------------------------------------------

    def _start_session(self, place: SessionPlace, owner: "SessionOwner") -> Session:
        return Session(place, self._run.loop, self._run.watchdog, owner)

    def _ready(self, phase: Phase) -> Session:
        """Return the session; start it and post the commands that prepare it for `phase`."""
        settings = self._stack.settings
        if self._run.options.tears_down and self._session and self._session.has_ended:
            self._forget_session()
        if self._session is None:
            settings.default("DOITSTACK_PYTHON", sys.executable)
            for name in SHELL_PASSWORDS:
                self._default_password(name)
            if self._run.options.tears_down and not settings.is_users("SERVICE_TIMEOUT"):
                settings.update({"SERVICE_TIMEOUT": _TEARDOWN_TIMEOUT})
            place = SessionPlace(
                log=self._run.log.descriptor,
                cwd=self._stack.top_dir,
                run=self._run.name,
                variables=self._variables(phase),
                script=session_script(settings.local, self._stack.dest),
            )
            self._session = self._make_session(place, self)
            self._session.post(str, self._take_over_variables)
        if phase is not Phase.OVERRIDE_DEFAULTS and not self._has_project_defaults:
            self._has_project_defaults = True
            session = self._session
            session.post(lambda: session.changes(self._variables(phase)))
            set_defaults = 'builtin source "$_doitstack_home/project_defaults.sh"'
            session.post(lambda: set_defaults, self._take_over_variables)
        return self._session

    def _forget_session(self) -> None:
        """Let the next command start a session, with the variables that the last one has left.

        Its functions and arrays are lost, but the scripts that follow are run: what they take away
        must not stay because of a mistake in another one.
        """
        self.close()
        self._has_project_defaults = False

    def _default_password(self, name: str) -> None:
        """Set a password. A password that cannot be read is only a warning in a teardown."""
        try:
            self._stack.settings.default(name, self._stack.password(name))
        except SettingsError as error:
            if not self._run.options.tears_down:
                raise
            self._run.warn(str(error))

    def _take_over_variables(self, error: StepError | None) -> None:
        if self._session and not error:
            self._stack.settings.update(self._session.variables())
            if not self._run.options.tears_down:
                places.make(self._stack.settings)

    def _variables(self, phase: Phase) -> Mapping[str, str]:
        """Return the settings for the shell in `phase`; override_defaults has few of them."""
        settings = self._stack.settings
        # The shell inherits the environment; only values that local.conf changes must be sent.
        hidden = {
            name
            for name in settings.environ - settings.local.variables.keys()
            if settings.get(name) == os.environ.get(name)
        }
        hidden |= _OF_A_SHELL
        # Scripts record in such names what their shell has loaded already: _DEVSTACK_FUNCTIONS.
        hidden |= {
            name for name in settings if name.startswith("_")
        } - settings.local.variables.keys()
        if settings.get("DEVSTACK_DIR"):
            hidden.add("TOP_DIR")
        if phase is Phase.OVERRIDE_DEFAULTS:
            hidden |= settings.late
        return {
            name: value
            for name, value in settings.items()
            if name not in hidden and name.isidentifier()
        }

    # -- futures of the shell ------------------------------------------------------------------

    def _fork(self, future: Future, command: str) -> str:
        """Return the command by which the shell forks a future of the plan."""
        if future.has_ended or self._futures.starter.is_over(future):
            return ""
        return shlex.join(("_async_planned", future.name, self._start_gate(future), command))

    def _after_fork(self, future: Future, error: StepError | None) -> None:
        if error:
            self._give_up(future, error)

    def _declare(self, name: str, command: str, lock: str, timeout: str) -> Answer:
        """Declare a future of a script; the answer is its start gate, or "" if it may start."""
        limit = float(timeout) if timeout else None
        future = self._futures.declare(name, command, lock=lock, timeout=limit)
        return Answer(0, self._start_gate(future) if self._run.options.parallel else "", "")

    def _start_gate(self, future: Future) -> str:
        """Queue a future that bash forks now; return its start gate, or "" if it may start.

        The fork does not wait, since the future must have the current state of the shell.
        """
        self._forked[future.name] = future
        gate = StartGate(self._run.futures_dir / f".{future.name}.gate")
        self._futures.start_when_possible(future, lambda: self._open(gate, future))
        self._futures.pump()
        if gate.is_open:
            return ""
        future.when_ended(lambda _: gate.remove())
        return gate.shut()

    def _open(self, gate: StartGate, future: Future) -> None:
        gate.open()
        if future.pid:
            self._futures.runs(future, future.pid, self._run.journal.now())

    def _give_up(self, future: Future, error: Exception) -> None:
        self._forked.pop(future.name, None)
        if not future.has_ended:
            self._futures.cannot_start(future, error)

    # -- reports of the session ------------------------------------------------------------------

    def async_started(self, name: str, pid: int, start_time: int, command: str) -> None:
        """Record that the shell has forked a future, which may still wait at its start gate.

        `pid` is 0 if it runs in the shell itself; `start_time` is in ms since the epoch.
        """
        futures = self._futures
        if futures.is_closed:
            # The future was cancelled; its process is stopped through its job file.
            return
        future = futures.table.find(name) or futures.declare(name, command)
        self._forked.pop(name, None)
        if not pid or future.state is FutureState.STARTING:
            futures.runs(future, pid, start_time / 1000)
        if pid:
            futures.has_process(future, pid)

    def async_ended(self, name: str, rc: int) -> None:
        """Record the end of a future that ran in the shell itself."""
        if future := self._futures.table.find(name):
            self._futures.ended(future, rc)

    def session_ended(self) -> None:
        """Fail the futures that the shell had not forked yet."""
        for future in list(self._forked.values()):
            self._give_up(future, StepError("the bash session has ended"))

    def learn(self, secret: str) -> None:
        """Add a secret that a script has set, which must not be shown from now on."""
        self._run.learn(secret)

    def took(self, component: str, milliseconds: int) -> None:
        """Record a time that a script has measured."""
        self._run.journal.write(ComponentTime(component, milliseconds / 1000))

    # -- requests of the session -----------------------------------------------------------------

    def request(self, verb: str, arguments: Sequence[str], reply: Reply) -> None:
        """Answer a request: a wait once it is over, any other request immediately."""
        try:
            if self._futures.is_closed:
                # The process that sent the request is being stopped, too.
                reply(Answer(1))
            elif verb == "async_wait":
                names = tuple(arguments)
                self._futures.collector.when_waited_for(names, lambda rc: reply(Answer(rc)))
            elif verb == "async_cleanup":
                self._futures.collector.when_rest_collected(lambda _: reply(Answer()))
            else:
                reply(self._answer(verb, arguments))
        except (DoitstackError, OSError, ImportError) as error:
            reply(Answer(1, "", f"ERROR: {error}\n"))

    def _answer(self, verb: str, arguments: Sequence[str]) -> Answer:
        if verb == "async_declare":
            if len(arguments) != _DECLARED:
                raise StepError(f"{verb} has {_DECLARED} arguments, not {len(arguments)}")
            return self._declare(*arguments)
        from doitstack.bash.request_handlers import answer  # noqa: PLC0415 - needs the cloud's client

        return answer(self._stack, verb, arguments)
