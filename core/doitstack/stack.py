"""The stack as a plugin sees it: the argument of every action and of most hooks."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, cast

from doitstack.config.settings import Settings
from doitstack.errors import FutureError, StepError
from doitstack.services.program_files import program_names
from doitstack.steps import callable_name, time_limit

# Hooks are called to list tasks, too: what only actions need is imported when they need it.
if TYPE_CHECKING:
    from doitstack.futures.future import Future
    from doitstack.processes.program import Program
    from doitstack.services.services import Services


class ActionContext(Protocol):
    """What an action can do where it runs: on the main line, or in a future.

    `began` is when the run began (s since the epoch).
    """

    @property
    def began(self) -> float: ...  # noqa: D102 - see above

    def run(self, program: "Program") -> None:
        """Run a program; its output goes where the action's goes. Raises CommandError."""

    def say(self, text: str, *, at_end: bool = False) -> None:
        """Show a line to the user, now or among the last lines of a good run."""

    def warn(self, text: str) -> None:
        """Show a warning."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def took(self, component: str, seconds: float) -> None:
        """Record a measured time."""

    def shell(self, command: str) -> None:
        """Run a command of the bash session. Raises StepError."""

    def async_run(
        self,
        name: str,
        command: str,
        action: Callable[[], Any],
        *,
        lock: str,
        timeout: float | None,
    ) -> "Future":
        """Start a future. Raises FutureError."""

    def async_wait(self, *names: str) -> int:
        """Collect futures; return the code of the first that failed."""


class NoContext:
    """Where no action runs: nothing can be done."""

    def __getattr__(self, name: str) -> NoReturn:
        self.refuse()

    def refuse(self) -> NoReturn:
        """Raise StepError."""
        raise StepError("a hook declares steps and does nothing itself: yield run(...)")


class HookContext(NoContext):
    """Where a hook is called: it declares steps, and can do nothing of an action's."""


class Stack:
    """What an action may know and do.

    `context` is where the code runs that holds it; see `acting`.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.context = cast("ActionContext", NoContext())

    # -- where and what ------------------------------------------------------------------------

    @property
    def top_dir(self) -> Path:
        """The stack directory."""
        return self.settings.path("TOP_DIR")

    @property
    def dest(self) -> Path:
        """DEST: everything of ours lives below it."""
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

    def password(self, name: str) -> str:
        """Return the password `name`, from the settings or made once and kept in DEST."""
        from doitstack.config.passwords import password  # noqa: PLC0415

        self._refuse_in_hook()
        return password(self.settings, name)

    # -- do ------------------------------------------------------------------------------------

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: str | bytes | None = None,
        timeout: float | None = None,
    ) -> None:
        """Run a program; its output is the step's. Raises CommandError.

        `env` is added to the environment, `stdin` is text or bytes for the program to read.
        Futures go on meanwhile. After `timeout` s it is stopped with everything that it has
        started. Give secrets by `env` or `stdin`, never in `argv`.
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
        """Run a quick program and return its stdout as text. Raises CommandError."""
        from doitstack.processes.program import Program, output_of  # noqa: PLC0415

        self._refuse_in_hook()
        return output_of(Program(argv, env, cwd, stdin, timeout))

    def say(self, text: str, *, at_end: bool = False) -> None:
        """Show a line to the user, as DevStack's `echo_summary`.

        With `at_end` it is among the last lines of the run, if that succeeds: what users need now.
        """
        self.context.say(text, at_end=at_end)

    def warn(self, text: str) -> None:
        """Show a warning; one of the main line is also among the last lines of the run.

        Raises StepError if WARNINGS_AS_ERRORS is set.
        """
        self.context.warn(text)

    def sleep(self, seconds: float) -> None:
        """Wait; unlike in `time.sleep`, futures start and end meanwhile."""
        self.context.sleep(seconds)

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
        self.context.shell(command)

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

        Of the futures with the same `lock` one runs at a time. After `timeout` s of running, it is
        stopped with all it has started, and has failed.
        """
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
        """The processes that the stack's supervisor keeps."""
        from doitstack.services.services import Services  # noqa: PLC0415

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
    ) -> None:
        """Keep a program running under the stack's supervisor.

        Raises ServiceError if it does not stay up for a second; with `wait=False` nobody looks,
        which is for who then waits until it answers. When it is stopped it has `stop_seconds` to
        end after SIGTERM, before SIGKILL.
        """
        self._refuse_in_hook()
        self.services.start(name, argv, env=env, cwd=cwd, wait=wait, stop_seconds=stop_seconds)

    def stop_process(self, *names: str) -> None:
        """End programs that `run_process` started, side by side; it is fine if there are none."""
        self._refuse_in_hook()
        self.services.stop(*names)

    def dead_services(self, *needed: str) -> dict[str, str]:
        """Return the services that have died since the run began, with a message about each.

        Includes those of `needed` that do not run for any reason.
        """
        if not needed and not self._supervisor_dir.is_dir():
            return {}  # a run without services does not import supervisord's client: 50 ms
        return self.services.deaths(self.context.began, *needed)

    @property
    def _supervisor_dir(self) -> Path:
        return self.dest / "supervisor"

    def _refuse_in_hook(self) -> None:
        if isinstance(self.context, HookContext):
            self.context.refuse()

    # -- for the run ---------------------------------------------------------------------------

    def declaring(self) -> AbstractContextManager[None]:
        """Refuse what only actions may do for as long as the block lasts: it calls hooks."""
        return self.acting(cast("ActionContext", HookContext()))

    @contextmanager
    def acting(self, context: ActionContext) -> Iterator[None]:
        """Let code that holds the stack act in `context` for as long as the block lasts."""
        before, self.context = self.context, context
        try:
            yield
        finally:
            self.context = before
