"""The operations of actions: on the main line of a run, and inside a future."""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn

from doitstack.acting import ActionContext
from doitstack.bash.session_owner import SessionOwner
from doitstack.engine.main_line_program import MainLinePrograms
from doitstack.errors import FutureError, StepError
from doitstack.futures.future import Future
from doitstack.futures.registry import FutureRegistry
from doitstack.futures.run_context import RunContext
from doitstack.journal.events import ComponentTime
from doitstack.phases import Phase
from doitstack.planning.call_action import OURS
from doitstack.processes.program import Program, run_in_future
from doitstack.records import Record
from doitstack.stack import Stack


class MainLineContext(Record):
    """The main line of a run, at a step of `phase`.

    Code of plugins can be interrupted anywhere, the methods here only while they wait.
    """

    run_context: RunContext
    stack: Stack
    futures: FutureRegistry
    session: SessionOwner
    programs: MainLinePrograms
    began: float
    phase: Phase = Phase.INSTALL

    def at(self, phase: Phase) -> "MainLineContext":
        """Return the context of a step of `phase`."""
        return self if phase is self.phase else replace(self, phase=phase)

    def run(self, program: Program) -> None:
        """Run a program with its output in the main log, while futures start and end."""
        with self.run_context.loop.shielded():
            self.programs.run(program)

    def say(self, text: str, *, at_end: bool = False) -> None:
        """Show a line to the user and write it to the log, now or at the end of the run."""
        if at_end:
            self.run_context.last_lines.append(text)
            return
        with self.run_context.loop.shielded():
            self.run_context.say(text)

    def warn(self, text: str) -> None:
        """Show a warning now and among the last lines of the run."""
        with self.run_context.loop.shielded():
            self.run_context.warn(text)

    @property
    def warnings_as_errors(self) -> bool:
        """Whether a warning fails what it is about."""
        return self.run_context.warnings_as_errors

    def sleep(self, seconds: float) -> None:
        """Wait while futures start and end."""
        with self.run_context.loop.shielded():
            self.run_context.loop.run_until(lambda: False, seconds)

    def took(self, component: str, seconds: float) -> None:
        """Record a time that an action has measured."""
        self.run_context.journal.write(ComponentTime(component, seconds))

    def shell(self, command: str) -> None:
        """Run a command of the bash session.

        Raises StepError: with the line of the script, or else of the action that calls stack.shell.
        """
        try:
            with self.run_context.loop.shielded():
                self.session.use(self.phase, lambda session: session.run(lambda: command))
        except StepError as error:
            caller = sys._getframe(2)
            file = caller.f_code.co_filename
            if not error.has_place and not file.startswith(OURS):
                error.args = (f"{file}:{caller.f_lineno}: {error}",)
                error.has_place = True
            raise

    def async_run(
        self,
        name: str,
        command: str,
        action: Callable[[], Any],
        *,
        lock: str,
        timeout: float | None,
    ) -> Future:
        """Start a future. Raises FutureError."""
        with self.run_context.loop.shielded():
            work = partial(act_in_future, self.stack, name, action)
            return self.futures.submit(name, command, work, lock=lock, timeout=timeout)

    def async_wait(self, *names: str) -> int:
        """Collect futures; return the code of the first that failed."""
        with self.run_context.loop.shielded():
            return self.futures.collector.wait_for(names)


class FutureContext(Record):
    """The future `name`: a forked child, whose output is its log."""

    name: str
    outer: ActionContext

    @property
    def began(self) -> float:
        """When the run began (s since the epoch)."""
        return self.outer.began

    @property
    def warnings_as_errors(self) -> bool:
        """Whether a warning fails what it is about."""
        return self.outer.warnings_as_errors

    def run(self, program: Program) -> None:
        """Run a program. Raises CommandError."""
        run_in_future(program)

    def say(self, text: str, *, at_end: bool = False) -> None:
        """Print a line; only the main line has last lines."""
        print(text, flush=True)  # noqa: T201 - a future's output is its log

    def warn(self, text: str) -> None:
        """Print a warning. Raises StepError if warnings are errors."""
        if self.outer.warnings_as_errors:
            raise StepError(text)
        self.say(f"WARNING: {text}")

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def took(self, component: str, seconds: float) -> None:
        """Record a time that an action has measured."""
        self.outer.took(component, seconds)

    def shell(self, command: str) -> NoReturn:
        """Raise FutureError: the bash session belongs to the main line."""
        self._refuse("shell")

    def async_run(self, name: str, command: str, action: Callable[[], Any], **_: Any) -> NoReturn:
        """Raise FutureError."""
        self._refuse("async_run")

    def async_wait(self, *names: str) -> NoReturn:
        """Raise FutureError."""
        self._refuse("async_wait")

    def _refuse(self, verb: str) -> NoReturn:
        raise FutureError(
            self.name, f"{verb} belongs to the main line; yield it as a step of your hook"
        )


def act_in_future(stack: Stack, name: str, action: Callable[[], Any]) -> Any:
    """Call `action` in the forked child of the future `name`; return what it returns."""
    stack.context = FutureContext(name, stack.context)
    return action()
