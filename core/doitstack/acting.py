"""What actions can do: on the main line, in a future, and in hooks and checks, which do nothing."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from doitstack.errors import NotWhileLooking, StepError

if TYPE_CHECKING:
    from doitstack.futures.future import Future
    from doitstack.processes.program import Program


class ActionContext(Protocol):
    """The operations of an action: on the main line, or in a future.

    `began` is the start of the run (s since the epoch). With `warnings_as_errors`, a warning is an
    error.
    """

    @property
    def began(self) -> float: ...  # noqa: D102 - see above

    @property
    def warnings_as_errors(self) -> bool: ...  # noqa: D102 - see above

    def run(self, program: "Program") -> None:
        """Run a program with the output of the action. Raises CommandError."""

    def say(self, text: str, *, at_end: bool = False) -> None:
        """Show a line to the user, now or at the end of a successful run."""

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
    """The context if no action runs: all operations raise StepError."""

    def __getattr__(self, name: str) -> NoReturn:
        self.refuse()

    def refuse(self) -> NoReturn:
        """Raise StepError."""
        raise StepError("a hook declares steps and does nothing itself: yield run(...)")


class HookContext(NoContext):
    """The context of a hook: it declares steps, and the operations of actions raise StepError."""

    may_look = False
    """Whether operations that change nothing are allowed: short programs, states of services."""


class LookContext(HookContext):
    """The context of a check before anything runs: what may change something is refused."""

    may_look = True

    def refuse(self) -> NoReturn:
        """Raise NotWhileLooking."""
        raise NotWhileLooking("doit plan only looks")
