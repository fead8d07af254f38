"""The `Stack`: the argument of every action and of most hooks."""

import importlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from doitstack.acting import ActionContext, HookContext, LookContext, NoContext
from doitstack.config.settings import Settings
from doitstack.errors import FutureError
from doitstack.services.program_files import program_names
from doitstack.steps import callable_name, shell_command, time_limit

# Hooks are called to list tasks, too: what only actions need is imported when they need it.
if TYPE_CHECKING:
    from doitstack.futures.future import Future
    from doitstack.processes.left_running import LeftProcess
    from doitstack.services.other_stacks import OtherStack
    from doitstack.services.services import Services
    from doitstack.source_trees import SourceTree


class Stack:
    """The stack for actions and hooks: its settings, directories and operations.

    Attributes:
        settings: the values of `local.conf`, the environment and the defaults.
        context: performs the operations where the current code runs; see `acting`.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.context = cast("ActionContext", NoContext())
        self._trees: tuple[SourceTree, ...] = ()
        self._trees_of = -1

    # -- directories and settings --------------------------------------------------------------

    @property
    def top_dir(self) -> Path:
        """The stack directory."""
        return self.settings.path("TOP_DIR")

    @property
    def dest(self) -> Path:
        """DEST: the directory of everything that doitstack creates."""
        return self.settings.path("DEST")

    @property
    def data_dir(self) -> Path:
        """DATA_DIR: databases, images, keys."""
        return self.settings.path("DATA_DIR")

    @property
    def log_dir(self) -> Path:
        """LOGDIR: logs of the run and of the services."""
        return self.settings.path("LOGDIR")

    def is_service_enabled(self, *names: str) -> bool:
        """Return whether any of these services is enabled, with DevStack's meanings."""
        return self.settings.is_service_enabled(*names)

    @property
    def trees(self) -> "tuple[SourceTree, ...]":
        """The source trees from which projects run. A run works with one state of each."""
        if self._trees_of != self.settings.changes:
            from doitstack.source_trees import source_trees  # noqa: PLC0415

            known = {tree: tree for tree in self._trees}
            self._trees = tuple(known.get(tree, tree) for tree in source_trees(self.settings))
            self._trees_of = self.settings.changes
        return self._trees

    def password(self, name: str) -> str:
        """Return the password `name`, from the settings, or generated once and kept in DEST."""
        from doitstack.config.passwords import password  # noqa: PLC0415

        self._refuse_in_hook()
        return password(self.settings, name)

    # -- operations ----------------------------------------------------------------------------

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: str | bytes | None = None,
        timeout: float | None = None,
    ) -> None:
        """Run a program with the output of the step, while futures start and end.

        Args:
            argv: the program and its arguments. Secrets belong in `env` or `stdin`, not here.
            env: variables to add to the environment.
            cwd: the working directory.
            stdin: text or bytes for the program to read.
            timeout: the time (s) after which it is stopped with all processes that it has started.

        Raises CommandError.
        """
        from doitstack.processes.program import Program  # noqa: PLC0415

        self.context.run(Program(argv, env, cwd, stdin, timeout))

    def output_of(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: str | bytes | None = None,
        timeout: float | None = None,
    ) -> str:
        """Run a short program and return its stdout as text. Raises CommandError.

        The arguments are those of `run`.
        """
        from doitstack.processes.program import Program, output_of  # noqa: PLC0415

        self._refuse_in_hook(looks=True)
        return output_of(Program(argv, env, cwd, stdin, timeout))

    def say(self, text: str, *, at_end: bool = False) -> None:
        """Show a line to the user, as DevStack's `echo_summary`.

        With `at_end`, the line is shown at the end of the run, if that succeeds.
        """
        self.context.say(str(text), at_end=at_end)

    def warn(self, text: str) -> None:
        """Show a warning. On the main line, it is repeated at the end of the run.

        Raises StepError if WARNINGS_AS_ERRORS is set.
        """
        self.context.warn(str(text))

    def sleep(self, seconds: float) -> None:
        """Wait. Unlike with `time.sleep`, futures start and end in the meantime."""
        self.context.sleep(time_limit(seconds) or 0)

    @contextmanager
    def timed(self, component: str) -> Iterator[None]:
        """Add the time spent inside to the row `component` of the timing table."""
        took, began = self.context.took, time.monotonic()
        try:
            yield
        finally:
            took(component, time.monotonic() - began)

    def shell(self, command: str) -> None:
        """Run a function or command of the bash session. Raises StepError."""
        self.context.shell(shell_command(command))

    # -- futures -------------------------------------------------------------------------------

    def async_run(
        self,
        name: str,
        func: Callable[..., Any],
        *args: Any,
        lock: str = "",
        timeout: float | None = None,
    ) -> "Future":
        """Start `func(stack, *args)` as the future `name`. Raises FutureError.

        Args:
            lock: of the futures with the same lock, one runs at a time.
            timeout: the run time (s) after which it is stopped with all processes that it has
                started, and has failed.
        """
        if not callable(func):
            raise TypeError(f"async_run takes a callable: got {func!r}")
        command = " ".join((callable_name(func), *map(str, args)))
        action, limit = partial(func, self, *args), time_limit(timeout)
        return self.context.async_run(name, command, action, lock=lock, timeout=limit)

    def async_wait(self, *names: str) -> None:
        """Collect futures in the order given. Raises FutureError for the first that failed."""
        if code := self.context.async_wait(*names):
            raise FutureError(" ".join(names), f"failed with rc {code}; its log is above", code)

    # -- services ------------------------------------------------------------------------------

    def started_services(self) -> list[str]:
        """Return the names of all services that were ever started here, running or not."""
        return program_names(self._supervisor_dir)

    @property
    def services(self) -> "Services":
        """The processes under the stack's supervisor."""
        from doitstack.services.services import Services  # noqa: PLC0415

        self._refuse_in_hook(looks=True)
        return Services(self._supervisor_dir, self.log_dir)

    def run_process(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        wait: bool = True,
        stop_seconds: int = 10,
        code: str = "",
        reload: Callable[[int], None] | None = None,
    ) -> None:
        """Keep a program running under the stack's supervisor.

        Args:
            name: the name of the service.
            argv: the program and its arguments.
            env: variables to add to the environment.
            cwd: the working directory.
            wait: whether to check that it runs for a second; False is for callers that wait until
                the service answers.
            stop_seconds: the time (s) between SIGTERM and SIGKILL when it is stopped.
            code: a digest of the code that it runs, if that changes: `Environment.code_to_run()`.
            reload: called with its pid if only the code has changed; by default it is restarted.

        Raises ServiceError if it does not run.
        """
        self._refuse_in_hook()
        from doitstack.processes.program import check_words  # noqa: PLC0415

        check_words(argv)
        how: dict[str, Any] = {"env": env, "cwd": cwd, "wait": wait, "stop_seconds": stop_seconds}
        self.services.start(name, argv, **how, code=code, reload=reload)

    def left_running(self) -> "list[LeftProcess]":
        """Return the processes, other than services, that the stack's steps have left running."""
        from doitstack.processes.left_running import settled  # noqa: PLC0415

        return settled(self.dest, self.log_dir / "stack.log")

    def others_of_directory(self) -> "list[OtherStack]":
        """Return the stacks of this directory that were made with another DEST."""
        from doitstack.services.other_stacks import other_stacks  # noqa: PLC0415

        return other_stacks(self.top_dir, self.dest)

    def load_for_teardown(self) -> None:
        """Import what ends services and processes, as that may be impossible when it is needed.

        An import needs descriptors and memory. Raises OSError or ImportError.
        """
        importlib.import_module("doitstack.processes.left_running")
        importlib.import_module("doitstack.services.other_stacks")
        importlib.import_module("doitstack.services.services")

    def stop_all(self) -> "list[LeftProcess]":
        """End all services, and what steps have left running; return the latter."""
        from doitstack.processes.left_running import end_left  # noqa: PLC0415

        self.services.stop_all()
        return end_left(self.dest, self.log_dir / "stack.log")

    def stop_process(self, *names: str, wait: bool = True) -> None:
        """Stop services in parallel. Names that do not run are ignored.

        `wait=False` only asks them to end; `run_process` then waits until they have ended.
        """
        self._refuse_in_hook()
        self.services.stop(*names, wait=wait)

    def dead_services(self, *needed: str) -> dict[str, str]:
        """Return the services that have died since the run began, with a message for each.

        Includes the services in `needed` that do not run for any reason.
        """
        if not needed and not self.started_services():
            return {}  # a run without services does not import supervisord's client: 50 ms
        return self.services.deaths(self.context.began, *needed)

    @property
    def _supervisor_dir(self) -> Path:
        return self.dest / "supervisor"

    def _refuse_in_hook(self, *, looks: bool = False) -> None:
        context = self.context
        if isinstance(context, HookContext) and not (looks and context.may_look):
            context.refuse()

    # -- for the run ---------------------------------------------------------------------------

    def declaring(self) -> AbstractContextManager[None]:
        """Return a context manager in which the operations of actions are refused, for hooks."""
        return self.acting(cast("ActionContext", HookContext()))

    def looking(self) -> AbstractContextManager[None]:
        """Return a context manager in which operations that may change something are refused."""
        return self.acting(cast("ActionContext", LookContext()))

    @contextmanager
    def acting(self, context: ActionContext) -> Iterator[None]:
        """Use `context` for the operations of this stack in the block."""
        before, self.context = self.context, context
        try:
            yield
        finally:
            self.context = before
