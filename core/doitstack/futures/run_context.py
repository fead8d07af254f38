"""The data that the parts of one run share. `engine.run` makes it."""

from collections.abc import Callable
from dataclasses import field
from pathlib import Path

from doitstack.config.masking import Masked
from doitstack.console.main_log import MainLog
from doitstack.errors import StepError
from doitstack.futures.priorities import Priorities
from doitstack.futures.slots import Slots
from doitstack.futures.watchdog import Watchdog
from doitstack.journal.events import Warned
from doitstack.journal.journal_file import Journal
from doitstack.processes.event_loop import EventLoop
from doitstack.records import Record
from doitstack.scheduling.scheduler import Scheduler


class RunOptions(Record):
    """The options of a run.

    Args:
        tasks: the tasks on the command line.
        jobs: how many futures may run at once; 0 for no limit.
        parallel: whether futures run in parallel to the main line; if not, they run in its place.
        keep_going: whether a run continues after a failure with the tasks that do not depend on
            the failed one.
        strict: whether the run fails if a future fails that no step waits for.
        tears_down: whether the run only removes things; a script then continues after a command
            that fails.
    """

    tasks: tuple[str, ...]
    jobs: int
    parallel: bool
    keep_going: bool
    strict: bool
    tears_down: bool


class RunContext(Record):
    """One run: its options, its directories, and the objects that its parts share.

    Args:
        name: the name of the run; its processes have it in their environment.
        futures_dir: the directory of the files and logs of futures.
        redact: returns a text with stars instead of secrets.
        mask: overwrites the secrets in a file with stars.
        mask_again: does so in all logs of the run, if there are new secrets.
        learn: takes in a secret that a script has set.
        time_limit: how long a step or future without a `timeout` may run (s; 0: no limit).
        warnings_as_errors: whether a warning fails the step that causes it.
        warnings: the warnings so far; the last lines of the run repeat them.
        last_lines: the lines of actions for the end of a successful run.
    """

    name: str
    options: RunOptions
    futures_dir: Path
    journal: Journal
    log: MainLog
    loop: EventLoop
    watchdog: Watchdog
    slots: Slots
    scheduler: Scheduler
    priorities: Priorities
    redact: Callable[[str], str]
    mask: Callable[[Path | str], Masked]
    mask_again: Callable[[], None]
    learn: Callable[[str], None]
    time_limit: float = 0
    warnings_as_errors: bool = False
    warnings: list[str] = field(default_factory=list)
    last_lines: list[str] = field(default_factory=list)

    def file(self, future: str, suffix: str) -> str:
        """Return the path of a file of a future; a Path would touch memory that forks share."""
        return f"{self.futures_dir}/{future}.{suffix}"

    def say(self, text: str) -> None:
        """Write a line to the log, which also shows it to the user."""
        self.log.write(f"{self.redact(text)}\n")

    def warn(self, text: str) -> None:
        """Show a warning, once, now and among the last lines of the run.

        Raises StepError if warnings are errors.
        """
        text = self.redact(text)
        if self.warnings_as_errors:
            raise StepError(text)
        if text not in self.warnings:
            self.warnings.append(text)
            self.journal.write(Warned(text))
            self.say(f"WARNING: {text}")
