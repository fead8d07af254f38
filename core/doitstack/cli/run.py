"""`doit TASK...`: run tasks, with futures."""

import gc
import os
import resource
import shlex
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from doit.cmd_run import Run as DoitRun
from doit.cmdparse import CmdOption, CmdParseError
from doit.control import TaskControl
from doit.exceptions import InvalidCommand, InvalidDodoFile
from doit.runner import ERROR
from doit.task import Task

from doitstack.cli.base import InterruptibleCommand, stop_services, system_error_message
from doitstack.cli.choose_screen import choose_screen
from doitstack.cli.closing_message import closing_message
from doitstack.cli.fetch_plugins import fetch_plugins
from doitstack.cli.help_text import options_help
from doitstack.cli.options import HELP, asks_for_help, split_options
from doitstack.cli.overview import overview_text
from doitstack.cli.run_options import (
    CONSOLE,
    DOWN_TASKS,
    NO_EFFECT,
    OPTIONS,
    TEARDOWN,
    WATCH,
    nothing_to_do,
    refuse_no_effect,
    run_options,
    tears_down_only,
)
from doitstack.cli.task_names import (
    known_names,
    refuse_arguments,
    refuse_unknown_names,
    show_task_help,
    unknown_task,
)
from doitstack.cli.task_selection import empty_phases, refuse_late_targets
from doitstack.cli.task_sequence import (
    SETTINGS,
    first_of_sequence,
    kind_of,
    run_rest,
    tail_from,
    with_equal_signs,
    without_arguments,
)
from doitstack.config import dest_directory, dest_lock
from doitstack.config.changes_in_place import take_damaged
from doitstack.console.screens import open_standard_streams
from doitstack.console.step_lines import StepReporter
from doitstack.engine.closing_tasks import ClosingTasks
from doitstack.engine.doit_runner import FutureRunner
from doitstack.engine.run import OpenRun, open_run
from doitstack.errors import DoitstackError
from doitstack.futures.async_directory import purge
from doitstack.futures.run_context import RunContext, RunOptions
from doitstack.journal.events import RunEnd, RunStart
from doitstack.planning.loaded_directory import LoadedDirectory, loaded
from doitstack.processes.left_running import names_of
from doitstack.processes.signals import Interrupted

_DAMAGED = (
    "{path} may be damaged: the machine crashed while a script was changing it; "
    "correct it, or remove it and run doit stack again"
)


class Run(InterruptibleCommand, DoitRun):  # type: ignore[misc]
    """`doit TASK...`, with futures."""

    doc_purpose = "run tasks; `doit run stack` is `doit stack`"
    doc_usage = "[TASK...] [OPTION...]"
    cmd_options = (*OPTIONS, CONSOLE, WATCH)

    def parse_execute(self, in_args: list[str]) -> int:
        """Run the tasks, or a command whose options come before its name."""
        self._words = in_args
        if not asks_for_help(in_args):
            options, rest = split_options("run", self.cmdparser, in_args, stops_at_name=True)
            if rest and rest[0] in self.commands:
                code: int = self.other(rest[0]).parse_execute([*options, *rest[1:]])
                return code
        return super().parse_execute(in_args)

    def arranged(self, words: list[str]) -> list[str]:
        """Return the options first. All words after a task of the user's `dodo.py` belong to it."""
        options, rest = split_options("run", self.cmdparser, words, stops_at_name=True)
        if any(word.startswith("-") for word in rest[1:]) and not self._is_own_task(rest[0]):
            later, rest = split_options("run", self.cmdparser, rest)
            options += later
        refuse_no_effect(self.cmdparser, options)
        return [*options, "--", *rest]

    def _is_own_task(self, name: str) -> bool:
        """Return whether a task is neither of a phase nor offered by a plugin."""
        if kind_of(name) or name in SETTINGS:
            return False
        params, _ = self.cmdparser.parse([])
        params.update(self.opt_vals)
        self.loader.setup(params)
        return all(task.name != name for task in loaded().offered_tasks())

    def show_help(self, words: list[str]) -> int:
        """Show the help of the named task or command; without a name, the overview."""
        asked = [word for word in words if word not in HELP]
        _, names = split_options("run", self.cmdparser, asked)
        name = names[0] if names else ""
        if name in self.commands:
            return int(self.other(name).show_help([]))
        if name:
            params, _ = self.cmdparser.parse([])
            params.update(self.opt_vals)
            return show_task_help(self, name, params)
        return super().show_help(words)

    def help(self) -> str:
        """Return the overview and the options of a run."""
        return f"{overview_text()}\n{options_help(self.shown_options)}\n"

    @property
    def shown_options(self) -> list[CmdOption]:
        """The options that the help shows."""
        return [option for option in self.cmdparser.options if option.name not in NO_EFFECT]

    def execute(self, params: Any, args: list[str]) -> int | None:
        """Run the tasks; those that cannot run together with the first ones run after them."""
        open_standard_streams()
        self.loader.setup(params)
        if params["watch"]:
            return _watch(args)
        names, rest = first_of_sequence(args, lambda name: self._takes_arguments(name, args))
        self._refuse_unknown(rest)
        code = self._run_together(params, names)
        if rest and not code:
            run_rest([*self._given, *tail_from(names, rest, sys.argv[1:])])
        elif rest:
            sys.stderr.write(f"not run because of it: doit {shlex.join(rest)}\n")
        return code

    def _takes_arguments(self, name: str, args: list[str]) -> bool:
        """Return whether the words after a task are its arguments."""
        return any(task.name == name and task.pos_arg for task in self._tasks(args))

    def _tasks(self, args: list[str]) -> Sequence[Task]:
        self.loader.load_doit_config()
        tasks: Sequence[Task] = self.loader.load_tasks(cmd=self, pos_args=args)
        return tasks

    def _refuse_unknown(self, args: list[str]) -> None:
        """Raise InvalidCommand for a later task that does not exist or would refuse its arguments.

        A plugin that is fetched before the first ones run may offer it.
        """
        if args and not loaded().directory.plugins_to_fetch():
            names = without_arguments(args, lambda name: self._takes_arguments(name, args))
            refuse_unknown_names(self, tasks := self._tasks(args), names)
            plugins = loaded().directory.plugins
            refuse_arguments(plugins, tasks, names[-1], args[len(names) :])

    def _run_together(self, params: Any, args: list[str]) -> int | None:
        """Fetch plugin repositories if the stack is to run, then run as doit does."""
        if args and tears_down_only(args):
            loaded().directory.pass_over_mistakes()
        if not args or "stack" in {argument.partition(":")[0] for argument in args}:
            try:
                fetch_plugins(loaded().directory)
            except Interrupted as signalled:
                sys.stderr.write(f"Interrupted by {signalled}: nothing has run\n")
                return signalled.code
        code: int | None = super().execute(params, args)
        return code

    @property
    def _given(self) -> list[str]:
        """The options on the command line."""
        return split_options("run", self.cmdparser, self._words)[0]

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
        tasks = [*self.task_list, *empty_phases(self.sel_tasks or [], self.task_list)]
        self.control = TaskControl(tasks, auto_delayed_regex=auto_delayed_regex)
        selected = self._select(tasks)
        refuse_late_targets(self.control.selected_tasks)
        here = loaded()
        try:
            settings = here.directory.settings
            options = run_options(settings, selected, num_process, keep_going=continue_)
            return self._run_here(here, options, console=console, always=always, single=single)
        except DoitstackError as error:
            raise InvalidDodoFile(str(error)) from error
        except OSError as error:
            sys.stderr.write(f"ERROR: {system_error_message(error, here.directory)}\n")
            if DOWN_TASKS & set(selected):
                stop_services(here.directory)
            return int(ERROR)

    def _select(self, tasks: Sequence[Task]) -> list[str]:
        """Select the tasks on the command line and return its words for them.

        Raises InvalidCommand and CmdParseError.
        """
        takers = {task.name for task in tasks if task.pos_arg}
        selected = with_equal_signs(self.sel_tasks or [], takers, sys.argv[1:])
        try:
            self.control.process(selected)
        except InvalidCommand as error:
            raise unknown_task(error.not_found, known_names(self, tasks)) from error
        except CmdParseError as error:
            # doit adds all options as objects.
            raise CmdParseError(str(error).partition(" (parsing options")[0]) from error
        return selected

    def _run_here(
        self,
        here: LoadedDirectory,
        options: RunOptions,
        *,
        console: str,
        always: bool,
        single: bool,
    ) -> int:
        stack = here.directory.stack
        if options.tears_down:
            if message := nothing_to_do(stack):
                sys.stdout.write(message)
                return 0
            stack.load_for_teardown()
        here.directory.check_privileges()
        dest_directory.claim(stack.settings)
        with dest_lock.held(stack.dest), open_run(stack, options) as run:
            if not options.tears_down:
                here.directory.make_links()
            reporter = StepReporter(run.context.say)
            runner = FutureRunner(
                run.executor,
                self.dep_manager,
                reporter,
                make_main_tasks=partial(_main_tasks, here, run.context),
                close=ClosingTasks(run, stack),
                always=always,
                single=single,
            )
            run.context.log.show_on(choose_screen(console, run, lambda: runner.steps))
            _begin(here, run.context)
            code = _end(here, run, runner.run_all(self.control))
            left = [] if _is_down(options) else stack.left_running()
            run.context.say(closing_message(run, reporter, runner, left))
            for other in stack.others_of_directory() if _is_down(options) else ():
                run.context.say(str(other))
        if _is_down(options):
            purge(stack.dest / "async")
        return code


def _watch(args: Sequence[str]) -> int:
    """Run the tasks now and after each change. Raises InvalidCommand for what tears down."""
    if TEARDOWN & {name.partition(":")[0] for name in args}:
        raise InvalidCommand(f"--watch is for doit stack, not for {' '.join(args)}")
    from doitstack.cli.watch import run_and_watch  # noqa: PLC0415 - seldom

    return run_and_watch(Path.cwd(), [word for word in sys.argv[1:] if word != "--watch"])


def _is_down(options: RunOptions) -> bool:
    """Return whether nothing of the stack is to run after these tasks."""
    return bool(DOWN_TASKS & set(options.tasks))


def _begin(here: LoadedDirectory, context: RunContext) -> None:
    """Record the start of the run, and show the warnings of the plan."""
    context.journal.write(_run_start(context.options))
    if not context.options.tears_down:
        for path in take_damaged(here.directory.stack.dest):
            context.warn(_DAMAGED.format(path=path))
    _warn(here, context)
    _prepare_forks()


def _end(here: LoadedDirectory, run: OpenRun, code: int) -> int:
    """Record the end of the run, and return its exit code. `code` is that of the tasks."""
    context, passed_over = run.context, here.directory.passed_over
    context.loop.ignore_interruptions()
    run.executor.end_session()
    ended = here.directory.stack.stop_all() if _is_down(context.options) else []
    if ended:
        context.say(f"ended {names_of(ended)}")
    code = code or (int(ERROR) if passed_over else 0)
    context.journal.write(RunEnd(code, run.cpu_seconds()))
    context.log.conclude()
    for mistake in passed_over:
        context.say(f"ERROR: passed over: {mistake}")
    return code


def _main_tasks(here: LoadedDirectory, context: RunContext) -> Iterator[Task]:
    """Yield the tasks of the later phases; warn of what scripts have changed in `source`."""
    yield from here.main_tasks()
    _warn(here, context)


def _warn(here: LoadedDirectory, context: RunContext) -> None:
    """Show the warnings of the plan that have not been shown yet."""
    if "stack" in context.options.tasks:
        for warning in here.directory.warnings():
            context.warn(warning)


def _run_start(options: RunOptions) -> RunStart:
    return RunStart(
        tasks=options.tasks,
        pid=os.getpid(),
        parallel=options.parallel,
        jobs=options.jobs,
        cores=len(os.sched_getaffinity(0)),
    )


def _prepare_forks() -> None:
    """Make forks cheap, and allow the file descriptors of a thousand futures."""
    gc.collect()
    gc.freeze()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
