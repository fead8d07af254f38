"""Runs single steps and futures of a run, as the scheduler orders them. Does not depend on doit."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from doitstack.bash.session_owner import SessionOwner
from doitstack.engine.action_contexts import MainLineContext, act_in_future
from doitstack.engine.main_line_program import MainLinePrograms
from doitstack.engine.step_timer import StepTimer
from doitstack.errors import CommandError, DoitstackError, FutureError, StepError
from doitstack.futures.future import Future
from doitstack.futures.registry import FutureRegistry
from doitstack.futures.run_context import RunContext
from doitstack.planning.call_action import call, call_in_step
from doitstack.planning.plan import PlannedStep, place_before
from doitstack.planning.scripts import Script
from doitstack.private_files import private_directory
from doitstack.stack import Stack
from doitstack.steps import Shell, Step

if TYPE_CHECKING:
    from doitstack.engine.host_runs import HostRuns


class Executor:
    """Runs the steps and futures of one run.

    Attributes:
        context: the data that the parts of the run share.
        timer: limits the time of steps.
        hosts: the runs on other hosts, if there are any.
        failed_future: the future whose failure has failed the last step, or "".
    """

    def __init__(
        self, context: RunContext, stack: Stack, futures: FutureRegistry, session: SessionOwner
    ) -> None:
        self.context = context
        self.stack = stack
        self.futures = futures
        self.failed_future = ""
        self.timer = StepTimer(context.loop)
        self._session = session
        self.hosts: HostRuns | None = None
        self._main_line = MainLineContext(
            context,
            stack,
            futures,
            session,
            MainLinePrograms(context.loop, context.watchdog, context.log.descriptor),
            began=context.journal.now(),
        )
        self._current: tuple[str, float] = ("", 0.0)

    # -- steps ---------------------------------------------------------------------------------

    def acting(self) -> AbstractContextManager[None]:
        """Return a context manager in which the stack can act."""
        return self.stack.acting(self._main_line)

    def run_step(self, planned: PlannedStep, arguments: Sequence[str] = ()) -> None:
        """Run a step of the main line, other than an async_wait. Raises DoitstackError."""
        self._current = (f"{planned.plugin}: {planned.step.name}", self.context.journal.now())
        self.context.priorities.step_begins(planned)
        self.futures.collector.failed = self.failed_future = ""
        try:
            self._main_line = self._main_line.at(planned.phase)
            with self.stack.acting(self._main_line), self._limited(planned.step):
                self._act(planned, arguments)
        except DoitstackError as error:
            self.failed_future = self.futures.collector.failed if _is_failed_wait(error) else ""
            raise
        finally:
            self._current = ("", 0.0)
            self.context.mask_again()
            if not self.context.scheduler.futures_running:
                self.context.slots.restore()

    def _limited(self, step: Step) -> AbstractContextManager[None]:
        limit = self.context.time_limit if step.timeout is None else step.timeout
        return self.timer.limited(limit)

    def _act(self, planned: PlannedStep, arguments: Sequence[str]) -> None:
        step, action = planned.step, planned.step.action
        if isinstance(action, Script):
            self._source(planned, action)
        elif isinstance(action, Shell):
            self._run_command(step, action.command)
        elif callable(action):
            self._call(action, (*step.args, *arguments))
        elif isinstance(action, Sequence):
            with self._main_line.programs.marked():
                self.stack.run([*action, *arguments])

    def _run_command(self, step: Step, command: str) -> None:
        """Run a command of bash. The error of one that is in no file names the place of the step.

        Raises StepError.
        """
        try:
            self.stack.shell(command)
        except StepError as error:
            if not error.has_place:
                error.args = (f"{place_before(step)}{error}",)
                error.has_place = True
            raise

    def _source(self, planned: PlannedStep, script: Script) -> None:
        trace = self.traces / f"{planned.task}.log"
        with suppress(OSError):  # on a full disk the script runs without a trace
            private_directory(self.traces)
            trace.unlink(missing_ok=True)
        on = self.context.options.tears_down
        try:
            self._session.use(
                planned.phase,
                lambda bash: bash.source(script.path, script.arguments, trace, goes_on=on),
            )
        finally:
            self.context.mask(trace)

    def _call(self, function: Callable[..., Any], arguments: Sequence[Any]) -> None:
        with (
            self._main_line.programs.marked(),
            self.context.log.capture(),
            self.context.loop.interruptible(),
        ):
            call_in_step(function, self.stack, *arguments)

    @property
    def traces(self) -> Path:
        """The directory of the traces of scripts, which `set -x` writes."""
        return self.stack.log_dir / "xtrace"

    # -- futures -------------------------------------------------------------------------------

    def start_future(self, planned: PlannedStep) -> Future:
        """Declare a future of the plan; it starts once the scheduler lets it start.

        In a serial run, a future of bash has ended when this returns. Raises FutureError.
        """
        step = planned.step
        self.futures.collector.awaited.update(step.waits)
        is_shell = isinstance(step.action, Shell)
        command = step.action.command if isinstance(step.action, Shell) else step.command
        future = self.futures.declare(
            step.name,
            command,
            lock=step.lock,
            timeout=step.timeout,
            task=planned.task,
            rank=self.context.priorities.of_step(planned),
            is_elsewhere=step.is_elsewhere,
        )
        if is_shell:
            future.place = place_before(step)
            self._session.start_future(planned.phase, future, command)
        elif self.hosts and step.is_elsewhere:
            self.hosts.start(future, step, partial(act_in_future, self.stack, future.name))
        elif callable(step.action):
            action = partial(call, step.action, self.stack, *step.args)
            work = partial(act_in_future, self.stack, step.name, action)
            self.futures.fork_when_possible(future, work)
        else:
            assert isinstance(step.action, Sequence)
            self.futures.spawn_when_possible(future, step.action)
        return future

    def stop_futures(self) -> None:
        """Stop the futures that still run or wait, after a failure or an interrupt."""
        for future in self.futures.stop_all(self._session.busy):
            self.context.say(f"Stopped async future {future.name}")

    def kill_futures(self) -> None:
        """Kill the futures without grace."""
        self.futures.kill_all(self._session.busy)

    def still_running(self) -> str:
        """Return a line with what runs, for how long (s), and its logs; "" if nothing runs."""
        now = self.context.journal.now()
        name, since = self._current
        parts = [f"{name} ({now - since:.0f} s)"] if name else []
        parts += [
            f"{future.name} ({now - future.start_time:.0f} s, "
            f"{self.context.futures_dir / future.name}.log)"
            for future in self.futures.table.running()
        ]
        return f"... still running: {', '.join(parts)}" if parts else ""

    def end_session(self) -> None:
        """End the bash session; EXIT traps of scripts run."""
        self._session.close()
        self.context.mask_again()
        # Futures of scripts may have written to the traces after the end of the script.
        for trace in (*self.traces.glob("*.log"), self.stack.log_dir / "error.log"):
            self.context.mask(trace)


def _is_failed_wait(error: DoitstackError) -> bool:
    """Return whether a step failed because a future that it waited for had failed."""
    if isinstance(error, CommandError):
        return error.command.startswith("async_wait")
    return isinstance(error, FutureError)
