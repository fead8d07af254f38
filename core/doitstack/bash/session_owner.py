"""Keeps the bash session of a run: makes it when it is wanted, and speaks with it for the others.

Gives it the settings and takes back what scripts have changed, has it fork futures, and answers
what it asks.
"""

import os
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from doitstack.bash.answer import Answer
from doitstack.bash.session import Session, SessionPlace
from doitstack.bash.start_gate import Gate
from doitstack.config.local_conf import session_script
from doitstack.config.passwords import Secrets
from doitstack.errors import DoitstackError, StepError
from doitstack.futures.future import Future
from doitstack.futures.priorities import Order
from doitstack.futures.registry import Futures
from doitstack.futures.watchdog import Guard
from doitstack.journal.events import ComponentTime
from doitstack.journal.journal_file import Journal
from doitstack.phases import Phase
from doitstack.processes.event_loop import Loop
from doitstack.processes.tree import Root
from doitstack.stack import Stack

SHELL_PASSWORDS = ("ADMIN_PASSWORD", "SERVICE_PASSWORD", "DATABASE_PASSWORD", "RABBIT_PASSWORD")
"""The passwords that scripts of DevStack find set."""


@dataclass(frozen=True)
class Surroundings:
    """What the session's keeper needs of the run. `log` is the descriptor of the main log."""

    stack: Stack
    run: str
    log: int
    journal: Journal
    loop: Loop
    guard: Guard
    futures: Futures
    order: Order
    secrets: Secrets
    collect_rest: Callable[[], object]
    parallel: bool


class SessionHost:
    """The session of one run, if it has one; hears what the shell says."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._session: Session | None = None
        self._promised: dict[str, Future] = {}
        self._later: deque[tuple[Future, str]] = deque()
        self._is_early = False
        self._has_project_defaults = False

    def enter(self, phase: Phase) -> None:
        """Note the phase of the next command: override_defaults comes before most defaults."""
        self._is_early = phase is Phase.OVERRIDE_DEFAULTS

    def use(self, work: Callable[[Session], None]) -> None:
        """Do `work` with the session as it should be, and take over what it has changed."""
        session = self._ready()
        settings = self._around.stack.settings
        session.set(self._variables())
        session.hide(self._around.secrets.known)
        try:
            work(session)
        finally:
            settings.update(session.variables())

    def start_future(self, future: Future, command: str) -> None:
        """Have the session fork `command`, as soon as it can, as a future that is declared."""
        try:
            session = self._ready()
        except (DoitstackError, OSError) as error:
            self._around.futures.cannot_start(future, error)
            return
        if self._around.parallel:
            self._later.append((future, command))
            self.idle()
            return
        try:
            session.run_apart(future.name, command)
        except StepError:
            self._around.futures.ended(future, None)

    def let_go(self) -> None:
        """In a forked child: close what would tell the shell that the main process still lives."""
        if self._session:
            self._session.let_go()

    def busy(self) -> list[Root]:
        """Return the session as the root of a tree, if it runs a command now."""
        session = self._session
        return [Root(session.pid)] if session and session.is_busy and session.is_alive else []

    def close(self) -> None:
        """End the session, if there is one."""
        if self._session:
            with suppress(DoitstackError):
                self._session.close()
            self._session = None

    # -- the session ---------------------------------------------------------------------------

    def _ready(self) -> Session:
        around, settings = self._around, self._around.stack.settings
        if self._session is None:
            settings.default("DOITSTACK_PYTHON", sys.executable)
            for name in SHELL_PASSWORDS:
                settings.default(name, around.stack.password(name))
            place = SessionPlace(
                log=around.log,
                cwd=around.stack.top_dir,
                run=around.run,
                variables=self._variables(),
                script=session_script(settings.local, around.stack.dest),
            )
            self._session = Session(place, around.loop, around.guard, self)
            settings.update(self._session.variables())
        if not (self._is_early or self._has_project_defaults):
            self._has_project_defaults = True
            self._session.set(self._variables())
            self._session.set_project_defaults()
            settings.update(self._session.variables())
        return self._session

    def _variables(self) -> Mapping[str, str]:
        settings = self._around.stack.settings
        # The environment has reached the shell by itself, but for what local.conf says against it.
        hidden = {
            name
            for name in settings.environ - settings.local.variables.keys()
            if settings.get(name) == os.environ.get(name)
        }
        if settings.get("DEVSTACK_DIR"):
            hidden.add("TOP_DIR")
        if self._is_early:
            hidden |= settings.late
        return {
            name: value
            for name, value in settings.items()
            if name not in hidden and name.isidentifier()
        }

    # -- futures of the shell ------------------------------------------------------------------

    def _fork(self, session: Session, future: Future, command: str) -> None:
        if future.has_ended:
            return
        try:
            session.start_future(future.name, command, self._place(future))
        except StepError as error:
            self._give_up(future, error)

    def _declare(self, name: str, command: str, lock: str = "") -> Answer:
        """Take in a future of a script; the answer is where it shall wait, or nothing."""
        around = self._around
        remaining = around.order.of_future(name)
        future = around.futures.declare(name, command, lock=lock, remaining=remaining)
        return Answer(0, self._place(future) if around.parallel else "", "")

    def _place(self, future: Future) -> str:
        """Queue a future that will be forked; return the gate at which it waits, or nothing.

        It is forked at once, as the shell is now what it shall see.
        """
        self._promised[future.name] = future
        gate = Gate(self._around.stack.dest / "async" / f".{future.name}.gate")
        self._around.futures.enqueue(future, lambda: self._let_pass(future, gate))
        if gate.is_open:
            return ""
        future.add_done_callback(lambda _: gate.remove())
        return gate.shut()

    def _let_pass(self, future: Future, gate: Gate) -> None:
        gate.open()
        if future.pid:
            self._around.futures.begins(future, future.pid, self._around.futures.now())

    def _give_up(self, future: Future, error: Exception) -> None:
        self._promised.pop(future.name, None)
        if not future.has_ended:
            self._around.futures.cannot_start(future, error)

    # -- what the session says -----------------------------------------------------------------

    def async_started(self, name: str, pid: int, start_time: int, command: str) -> None:
        """Hear from the shell that it has forked a future, which may still wait at its gate."""
        futures = self._around.futures
        if futures.is_closed:
            # It has been taken back, and is stopped by what its file says.
            return
        future = futures.find(name) or futures.declare(name, command)
        self._promised.pop(name, None)
        future.pid = pid
        if future.has_turn or not pid:
            futures.begins(future, pid, start_time)
        if pid:
            self._around.loop.when_ended(pid, lambda: futures.ended(future, None))

    def async_ended(self, name: str, rc: int) -> None:
        """Hear from the shell that a future which ran in place has ended."""
        future = self._around.futures.find(name)
        if future:
            self._around.futures.ended(future, rc)

    def idle(self) -> None:
        """Hear that the session has nothing to do: it can fork."""
        while self._later and self._session and not self._session.is_busy:
            self._fork(self._session, *self._later.popleft())

    def session_ended(self) -> None:
        """Hear that the session is gone: what it should have started will not start."""
        later = [future for future, _ in self._later]
        self._later.clear()
        for future in (*self._promised.values(), *later):
            self._give_up(future, StepError("the bash session has ended"))

    def took(self, component: str, milliseconds: int) -> None:
        """Record a time that a script has measured."""
        self._around.journal.write(ComponentTime(component, milliseconds / 1000))

    def request(self, verb: str, arguments: Sequence[str]) -> Answer:
        """Answer a request of the shell."""
        try:
            # Who asked is being stopped, too.
            return Answer(1) if self._around.futures.is_closed else self._answer(verb, arguments)
        except DoitstackError as error:
            return Answer(1, "", f"ERROR: {error}\n")

    def _answer(self, verb: str, arguments: Sequence[str]) -> Answer:
        if verb == "async_declare":
            return self._declare(*arguments)
        if verb == "async_wait":
            return Answer(self._around.futures.wait(*arguments))
        if verb == "async_cleanup":
            self._around.collect_rest()
            return Answer()
        from doitstack.bash.request_handlers import answer  # noqa: PLC0415 - needs the cloud's client

        return answer(self._around.stack, verb, arguments)
