"""`doit TASK...`: run tasks, with futures."""

import gc
import os
import resource
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from doit.cmd_run import Run as DoitRun
from doit.control import TaskControl
from doit.exceptions import InvalidCommand, InvalidDodoFile
from doit.runner import ERROR

from doitstack.cli.interruptible import Interruptible
from doitstack.config import dest_directory
from doitstack.console.screens import (
    MODES,
    PlainScreen,
    QuietScreen,
    Screen,
    mode,
    open_standard_streams,
)
from doitstack.console.step_lines import StepReporter
from doitstack.dodo import CLEAN, LoadedDirectory, loaded
from doitstack.engine.closing_tasks import BuiltIn
from doitstack.engine.doit_runner import FutureRunner, PlanDispatcher, wanted
from doitstack.engine.doit_state import AtomicJsonDB
from doitstack.engine.run import Executor, RunOptions, open_executor
from doitstack.errors import DoitstackError, SettingsError
from doitstack.futures.async_directory import purge
from doitstack.journal.durations import last_durations
from doitstack.journal.events import RunEnd, RunStart
from doitstack.journal.raw_events import read_events
from doitstack.phases import STACK_PHASES, Phase
from doitstack.planning.doit_tasks import planned_step
from doitstack.planning.plan import PlannedStep
from doitstack.planning.plugin_repositories import fetch as repository_fetch
from doitstack.planning.stack_directory import StackDirectory
from doitstack.processes.signals import Interrupted, on_interrupt

DOWN_TASKS = frozenset({"unstack", CLEAN})
"""Tasks after which nothing of the stack runs."""

TEARDOWN = DOWN_TASKS | {"clean"}
"""What the names of tasks begin with that only take away."""

CONSOLE = {
    "name": "console",
    "long": "console",
    "type": str,
    "default": "auto",
    "choices": list(MODES.items()),
    "env_var": "DOIT_CONSOLE",
    "help": "What to show of a run: only that; the log is the same. [default: %(default)s]",
}
"""doit's option: `--console`, `console` in `[tool.doit]`, or the environment."""


class Run(Interruptible, DoitRun):  # type: ignore[misc]
    """`doit TASK...`, with futures."""

    doc_purpose = "run tasks; `doit stack` stands up the stack"
    cmd_options = (*DoitRun.cmd_options, CONSOLE)

    def get_backends(self) -> Any:
        """Return doit's backends, with a JSON one that survives a crash."""
        backends = super().get_backends()
        backends["json"] = AtomicJsonDB
        return backends

    def execute(self, params: Any, args: list[str]) -> int | None:
        """Fetch plugin repositories if a stack is wanted, then run as doit does."""
        open_standard_streams()
        self.loader.setup(params)
        if not args or "stack" in {argument.partition(":")[0] for argument in args}:
            try:
                _fetch_plugins(loaded().directory)
            except Interrupted as signalled:
                sys.stderr.write(f"Interrupted by {signalled}: nothing has run\n")
                return signalled.code
        code: int | None = super().execute(params, args)
        return code

    # doit maps its options to the names of these parameters.
    def _execute(  # noqa: PLR0913, PLR0917
        self,
        outfile: Any,
        verbosity: int | None = None,
        always: bool = False,  # noqa: FBT001, FBT002
        continue_: bool = False,  # noqa: FBT001, FBT002
        reporter: Any = "console",
        num_process: int = 0,
        par_type: str = "process",
        single: bool = False,  # noqa: FBT001, FBT002
        auto_delayed_regex: bool = False,  # noqa: FBT001, FBT002
        force_verbosity: bool = False,  # noqa: FBT001, FBT002
        failure_verbosity: int = 0,
        pdb: bool = False,  # noqa: FBT001, FBT002
        console: str = "auto",
    ) -> int:
        self.control = TaskControl(self.task_list, auto_delayed_regex=auto_delayed_regex)
        self.control.process(self.sel_tasks)
        if single:
            _forget_dependencies(self.control)
        here = loaded()
        _refuse_unknown(here.directory, self.sel_tasks or [])
        try:
            options = _run_options(here.directory, self.sel_tasks or [], num_process)
            return self._run_here(
                here, options, console=console, keep_going=continue_, always=always
            )
        except DoitstackError as error:
            raise InvalidDodoFile(str(error)) from error
        except OSError as error:
            sys.stderr.write(f"ERROR: {disk_trouble(error, here.directory)}\n")
            return int(ERROR)

    def _run_here(
        self,
        here: LoadedDirectory,
        options: RunOptions,
        *,
        console: str,
        keep_going: bool,
        always: bool,
    ) -> int:
        settings = here.directory.settings
        here.directory.check_privileges()
        dest_directory.claim(settings)
        with ExitStack() as cleanup:
            cleanup.enter_context(dest_directory.held(here.directory.stack.dest))
            executor = cleanup.enter_context(open_executor(here.directory.stack, options))
            dispatcher = PlanDispatcher(
                self.control.tasks, self.control.targets, self.control.selected_tasks
            )
            executor.log.show_on(_screen(console, executor, dispatcher))
            reporter = StepReporter(executor.say)
            runner = FutureRunner(
                executor, self.dep_manager, reporter, keep_going=keep_going, always=always
            )
            here.stage.run_step = executor.run_step
            here.stage.built_in = BuiltIn(executor)
            executor.journal.write(_run_start(options))
            if "stack" in options.tasks:
                for warning in here.directory.warnings():
                    executor.say(f"WARNING: {warning}")
            _prepare_forks()
            code: int = runner.run_all(dispatcher)
            executor.end_session()
            if DOWN_TASKS & set(options.tasks):
                here.directory.stack.services.stop_all()
            executor.journal.write(RunEnd(code, executor.cpu_seconds()))
            executor.log.conclude()
            executor.say(_last_words(executor, reporter, runner))
        if DOWN_TASKS & set(options.tasks):
            purge(here.directory.stack.dest / "async")
        return code


def _fetch_plugins(directory: StackDirectory) -> None:
    """Clone the plugin repositories that are not there yet."""
    repositories = directory.settings.local.plugins
    if not repositories:
        return
    try:
        dest_directory.claim(directory.settings)
        with dest_directory.held(directory.stack.dest), on_interrupt(_give_way):
            for line in repository_fetch(repositories, directory.settings):
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
    except DoitstackError as error:
        raise InvalidDodoFile(str(error)) from error


def _give_way(signalled: Interrupted) -> None:
    raise signalled


def disk_trouble(error: OSError, directory: StackDirectory) -> str:
    """Return what to say of an error of the disk, and what to do."""
    what = f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror)
    return f"{what}; look at the space and the rights in {directory.stack.dest}, then run it again"


def _refuse_unknown(directory: StackDirectory, names: Sequence[str]) -> None:
    """Raise InvalidCommand for a step that no plan has: doit would find nothing to do for it."""
    plans = {
        "stack": STACK_PHASES,
        "unstack": (Phase.UNSTACK,),
        "clean": (Phase.CLEAN,),
    }
    for name in names:
        phases = plans.get(name.partition(":")[0], ())
        known = (
            {planned.task for planned in directory.plan(phases).steps} if ":" in name else {name}
        )
        if phases and name not in known | {phase.task for phase in phases}:
            raise InvalidCommand(not_found=name)


def _forget_dependencies(control: TaskControl) -> None:
    """Do what doit's `--single` does: run the named tasks alone."""
    for name in control.selected_tasks:
        task = control.tasks[name]
        for single in task.task_dep if task.has_subtask else [name]:
            control.tasks[single].task_dep = []


def _run_options(directory: StackDirectory, tasks: Sequence[str], jobs: int) -> RunOptions:
    settings = directory.settings
    if jobs < 0:
        raise SettingsError(f"-n {jobs}: use a whole number, 0 or more")
    return RunOptions(
        tasks=tuple(tasks),
        jobs=jobs or settings.number("ASYNC_JOBS"),
        parallel=settings.is_true("DEVSTACK_PARALLEL", default=True),
        strict=settings.is_true("ASYNC_STRICT"),
        tears_down=bool(tasks) and {task.partition(":")[0] for task in tasks} <= TEARDOWN,
    )


def _run_start(options: RunOptions) -> RunStart:
    return RunStart(
        tasks=options.tasks,
        pid=os.getpid(),
        parallel=options.parallel,
        jobs=options.jobs,
        cores=len(os.sched_getaffinity(0)),
    )


def _screen(wanted: str, executor: Executor, dispatcher: PlanDispatcher) -> Screen:
    """Return the screen that was asked for, as far as stdout can be that."""
    stdout = 1
    match mode(wanted, os.environ, stdout):
        case "live":
            from doitstack.console.live_screen import LiveScreen, Watch  # noqa: PLC0415 - needs rich

            log_dir = executor.stack.log_dir
            watch = Watch(
                journal=executor.journal.path,
                plan=_wanted_steps(dispatcher),
                expected=last_durations(log_dir),
                now=executor.now,
                main_log=executor.log.path,
                future_logs=executor.futures_dir,
            )
            return LiveScreen(stdout, watch)
        case "quiet":
            return QuietScreen(stdout)
        case _:
            return PlainScreen(stdout)


def _wanted_steps(dispatcher: PlanDispatcher) -> Callable[[], list[PlannedStep]]:
    """Return what tells the steps of the run: more of them when `source` has made more tasks."""
    known: dict[int, list[PlannedStep]] = {}

    def steps() -> list[PlannedStep]:
        number = len(dispatcher.tasks)
        if number not in known:
            tasks = map(planned_step, wanted(dispatcher))
            known[number] = [planned for planned in tasks if planned]
        return known[number]

    return steps


def _last_words(executor: Executor, reporter: StepReporter, runner: FutureRunner) -> str:
    """Return what to say in the end, which is where people look."""
    names = ["clean" if name == CLEAN else name for name in executor.options.tasks]
    again = " ".join(["doit", *names])
    signalled = str(runner.interrupted or "")
    if not reporter.failures and not signalled:
        is_to_go = CLEAN in executor.options.tasks
        return reporter.summary(again, None if is_to_go else executor.log.path)
    from doitstack.journal.failures import outcome  # noqa: PLC0415 - needed only now
    from doitstack.reports.failure_summary import Logs, last_words  # noqa: PLC0415

    logs = Logs(executor.log.path, executor.futures_dir, executor.traces)
    events = read_events(executor.journal.path)
    return last_words(
        outcome(events, strict=executor.options.strict),
        logs,
        messages=reporter.failures,
        signalled=signalled,
        again=again,
    )


def _prepare_forks() -> None:
    """Make forks cheap, and leave room for the descriptors of a thousand futures."""
    gc.collect()
    gc.freeze()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
