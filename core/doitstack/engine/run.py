"""One run: its log, journal, futures and bash session, from the first step to the last.

Runs single steps and futures; in which order is for doit.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from doitstack.bash import session_owner
from doitstack.config.passwords import Secrets
from doitstack.console.main_log import MainLog
from doitstack.engine.cpu_usage import Meter, Sampler
from doitstack.engine.environment_variables import run_environment
from doitstack.engine.main_line_program import MainLinePrograms
from doitstack.errors import CommandError, DoitstackError, FutureError, StepError
from doitstack.futures.async_directory import init
from doitstack.futures.future import Future
from doitstack.futures.make_jobserver import make_knows_fifo, makeflags
from doitstack.futures.plan_waits import PlanWaits, Standstill
from doitstack.futures.priorities import Order
from doitstack.futures.registry import Futures, Surroundings
from doitstack.futures.slots import Slots
from doitstack.futures.watchdog import Guard
from doitstack.journal.durations import last_durations
from doitstack.journal.events import Usage, Warned
from doitstack.journal.journal_file import Journal, new_journal_path
from doitstack.planning.call_action import call, call_in_step
from doitstack.planning.plan import PlannedStep
from doitstack.planning.scripts import Script
from doitstack.private_files import private_directory
from doitstack.processes.event_loop import Loop
from doitstack.processes.program import Program
from doitstack.stack import Stack
from doitstack.steps import Kind, Shell


@dataclass(frozen=True)
class RunOptions:
    """How a run was asked for: the tasks on the command line, and the futures at once (0: all).

    `strict` makes a run fail with a future that nobody waits for; one that `tears_down` goes on
    where a script has failed to take something away.
    """

    tasks: tuple[str, ...]
    jobs: int
    parallel: bool
    strict: bool
    tears_down: bool


class Executor:
    """Runs the steps of one run; made by `open_executor`."""

    def __init__(self, stack: Stack, options: RunOptions) -> None:
        self.stack = stack
        self.options = options
        log_dir = stack.log_dir
        self.journal = Journal(new_journal_path(log_dir))
        self.log = MainLog(log_dir / "stack.log")
        self.run_name = self.journal.path.stem
        self.loop = Loop(self._tick)
        self.guard = Guard(stack.dest / "async", self.run_name)
        cores = options.jobs or len(os.sched_getaffinity(0))
        secrets = Secrets(stack.settings)
        self.slots = Slots(options.jobs if options.parallel else 0, cores)
        self.futures = Futures(
            Surroundings(
                directory=stack.dest / "async",
                run=self.run_name,
                log=self.log,
                journal=self.journal,
                loop=self.loop,
                slots=self.slots,
                redact=secrets.redact,
                let_go=self._let_go,
                parallel=options.parallel,
            )
        )
        self._programs = MainLinePrograms(self.loop, self.guard, self.log.descriptor)
        self.log.on_silence = self._still_running
        self.log.on_tick = self._tick
        self._meter = Meter(stack.dest / "supervisor")
        self._sampler = Sampler(self._meter, self._record_usage)
        self._current: tuple[str, float] = ("", 0.0)
        self.expected = last_durations(log_dir)
        """How long (s) steps, by task, and futures, by name, took last time."""
        self.order = Order(self.expected)
        self._host = session_owner.SessionHost(
            session_owner.Surroundings(
                stack=stack,
                run=self.run_name,
                log=self.log.descriptor,
                journal=self.journal,
                loop=self.loop,
                guard=self.guard,
                futures=self.futures,
                order=self.order,
                secrets=secrets,
                collect_rest=self.collect_rest,
                parallel=options.parallel,
            )
        )
        self.waits = PlanWaits(self.futures)
        self._waited_for: set[str] = set()
        self.warnings: list[str] = []
        """What was warned of; the last lines of the run repeat it."""
        self.failed_future = ""
        """The future whose failure has failed the last step, if that is why."""

    @property
    def futures_dir(self) -> Path:
        """Where the files and logs of futures are."""
        return self.stack.dest / "async"

    @property
    def traces(self) -> Path:
        """Where the commands of scripts that `set -x` are written."""
        return self.stack.log_dir / "xtrace"

    def _let_go(self) -> None:
        """In a forked child: close what would tell others that the main process still lives."""
        self.log.let_go()
        self._host.let_go()

    def _tick(self) -> None:
        self.log.show()
        self._sampler.look()

    def _record_usage(self, cpu: float, machine: float) -> None:
        self.journal.write(Usage(round(cpu, 2), round(machine, 2)))

    def _still_running(self) -> str:
        """Return what runs, for how long, and where its log is."""
        now = self.now()
        name, since = self._current
        parts = [f"{name} ({now - since:.0f} s)"] if name else []
        parts += [
            f"{future.name} ({now - future.start_time / 1000:.0f} s, "
            f"{self.stack.dest / 'async' / future.name}.log)"
            for future in self.futures.uncollected()
            if future.running()
        ]
        return f"... still running: {', '.join(parts)}" if parts else ""

    # -- steps ---------------------------------------------------------------------------------

    def run_step(self, planned: PlannedStep, arguments: Sequence[str] = ()) -> None:
        """Run one step of the main line. Raises DoitstackError naming plugin, phase and step."""
        self._current = (f"{planned.plugin}: {planned.step.name}", self.now())
        self.order.step_begins(planned)
        self._host.enter(planned.phase)
        self.futures.failed = self.failed_future = ""
        try:
            if planned.step.kind is Kind.ASYNC_WAIT:
                self._await(planned)
            else:
                self._act(planned, arguments)
        except DoitstackError as error:
            self.failed_future = self.futures.failed if _is_failed_wait(error) else ""
            raise
        finally:
            self._current = ("", 0.0)
            if not self.futures.are_running:
                self.slots.restore()

    def _await(self, planned: PlannedStep) -> None:
        """Collect what has not been collected while the main line stood at this async_wait."""
        if left := self.waits.rest(planned):
            self.stack.async_wait(*left)

    def _act(self, planned: PlannedStep, arguments: Sequence[str]) -> None:
        step, action = planned.step, planned.step.action
        if isinstance(action, Script):
            self._source(planned, action)
        elif isinstance(action, Shell):
            self.shell(action.command)
        elif callable(action):
            self._call(action, (*step.args, *arguments))
        elif action is not None:
            self.run(Program([*action, *arguments]))

    def _source(self, planned: PlannedStep, script: Script) -> None:
        trace = private_directory(self.traces) / f"{planned.task}.log"
        trace.unlink(missing_ok=True)
        on = self.options.tears_down
        self._host.use(lambda bash: bash.source(script.path, script.arguments, trace, goes_on=on))

    def _call(self, function: Callable[..., Any], arguments: Sequence[Any]) -> None:
        with self.log.capture():
            call_in_step(function, self.stack, *arguments)

    def start_future(self, planned: PlannedStep) -> Future:
        """Start a future of the plan, or queue it. Raises FutureError."""
        self._host.enter(planned.phase)
        step, remaining = planned.step, self.order.of_step(planned)
        self._waited_for.update(step.waits)
        if isinstance(step.action, Shell):
            command = step.action.command
            future = self.futures.declare(step.name, command, lock=step.lock, remaining=remaining)
            self._host.start_future(future, command)
            return future
        action = self._future_action(planned)
        return self.futures.submit(
            step.name, step.command, action, lock=step.lock, remaining=remaining
        )

    def _future_action(self, planned: PlannedStep) -> Callable[[], Any]:
        step = planned.step
        if callable(step.action):
            return self.stack.inside_future(step.name, partial(call, step.action), step.args)
        argv = step.action
        assert isinstance(argv, Sequence)
        return self.stack.inside_future(step.name, lambda stack: stack.run(argv), ())

    # -- what the stack gives to actions ---------------------------------------------------------

    def run(self, program: Program) -> None:
        """Run a program of the main line."""
        self._programs.run(program)

    def say(self, text: str) -> None:
        """Show a line to the user, and keep it in the log."""
        self.log.write(f"{text}\n")

    def warn(self, text: str) -> None:
        """Show a warning now and among the last lines of the run.

        Raises StepError if WARNINGS_AS_ERRORS is set.
        """
        if self.stack.settings.is_true("WARNINGS_AS_ERRORS"):
            raise StepError(text)
        if text not in self.warnings:
            self.warnings.append(text)
            self.journal.write(Warned(text))
            self.say(f"WARNING: {text}")

    def sample_usage(self) -> None:
        """Record the CPU time of the run and of the machine up to now."""
        self._sampler.take()

    def cpu_seconds(self) -> float:
        """Return the CPU time of the run so far, with what it started in the background."""
        return round(self._meter.used(), 3)

    def now(self) -> float:
        """Return the time in s since the epoch."""
        return self.journal.now()

    def submit(self, name: str, command: str, action: Callable[[], Any], lock: str) -> Future:
        """Start a future."""
        remaining = self.order.of_future(name)
        return self.futures.submit(name, command, action, lock=lock, remaining=remaining)

    def wait(self, *names: str) -> int:
        """Collect futures; return the code of the first that failed."""
        return self.futures.wait(*names)

    def sleep(self, seconds: float) -> None:
        """Wait while futures start and end."""
        self.loop.run_until(lambda: False, seconds)

    def shell(self, command: str) -> None:
        """Run a command of the bash session."""
        self._host.use(lambda session: session.run(command))

    def took(self, component: str, milliseconds: int) -> None:
        """Record a time that an action has measured."""
        self._host.took(component, milliseconds)

    # -- the end -------------------------------------------------------------------------------

    def show_failure(self, future: Future, at: Standstill | None) -> None:
        """Show the log of a future that has failed, and that the async_wait ends so."""
        is_awaited = at is not None and future.name in at.planned.step.waits
        if at and is_awaited:
            self.waits.collect_ended(at)
        if not future.cancelled() and self.futures.find(future.name) is future:
            self.futures.collect(future)
        if at and is_awaited:
            self.say(f"Stopping async wait due to error: {' '.join(at.planned.step.waits)}")

    def collect_rest(self) -> list[Future]:
        """Collect what the main line has not; return those that failed.

        One that another future has waited for is no surprise to anybody.
        """
        failed = []
        for future in self.futures.uncollected():
            if future.name not in self._waited_for:
                self.say(f"WARNING: uncollected async future {future.name}")
            if self.futures.collect(future):
                failed.append(future)
        return failed

    def stop_futures(self) -> None:
        """End the futures that still run or wait, as the run has failed or was interrupted."""
        for future in self.futures.stop_all(self._host.busy):
            self.say(f"Stopped async future {future.name}")

    def kill_futures(self) -> None:
        """End the futures at once, as somebody has lost patience with their grace."""
        self.futures.kill_all(self._host.busy)

    def end_session(self) -> None:
        """End the bash session, which may have something to say at that."""
        self._host.close()

    def close(self) -> None:
        """End the session and the guard, and close the files."""
        self.end_session()
        self.guard.dismiss()
        self.slots.close()
        self.loop.close()
        self.log.close()
        self.journal.close()


def _is_failed_wait(error: DoitstackError) -> bool:
    """Return whether a step failed because a future that it waited for had failed."""
    if isinstance(error, CommandError):
        return error.command.startswith("async_wait")
    return isinstance(error, FutureError)


@contextmanager
def open_executor(stack: Stack, options: RunOptions) -> Iterator[Executor]:
    """Prepare the directories, and give the executor of one run."""
    for directory in (stack.dest, stack.data_dir, stack.log_dir):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    init(stack.dest / "async")
    executor = Executor(stack, options)
    with closing(executor), stack.on_stage(executor), run_environment(stack, _makeflags(executor)):
        yield executor


def _makeflags(executor: Executor) -> dict[str, str]:
    """Return the environment by which builds that a run starts find its slots."""
    before, slots = executor.stack.settings.get("MAKEFLAGS"), executor.slots
    return {"MAKEFLAGS": makeflags(before, slots.path, slots.jobs, fifo=make_knows_fifo())}
