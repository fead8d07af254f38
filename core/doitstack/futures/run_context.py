"""What the parts of one run share. Only the data; made once, by `engine.run`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from doitstack.console.main_log import MainLog
from doitstack.errors import StepError
from doitstack.futures.priorities import Priorities
from doitstack.futures.slots import Slots
from doitstack.futures.watchdog import Watchdog
from doitstack.journal.events import Warned
from doitstack.journal.journal_file import Journal
from doitstack.processes.event_loop import EventLoop
from doitstack.scheduling.scheduler import Scheduler


@dataclass(frozen=True)
class RunOptions:
    """How a run was asked for.

    Args:
        tasks: the tasks on the command line.
        jobs: how many futures may run at once; 0 is as many as can.
        parallel: whether futures run beside the main line; if not, each runs in its place.
        keep_going: whether the run goes on after a failure with what does not need that task.
        strict: whether the run fails if a future fails that nobody waits for.
        tears_down: whether the run only takes things away; a script then goes on after a command
            that fails.
    """

    tasks: tuple[str, ...]
    jobs: int
    parallel: bool
    keep_going: bool
    strict: bool
    tears_down: bool


@dataclass(frozen=True)
class RunContext:
    """One run: its options, its places, and what its parts use together.

    Args:
        name: the name of the run; its processes carry it in their environment.
        futures_dir: where the files and logs of futures are.
        redact: returns a text with stars for the secrets in it.
        mask: overwrites the secrets in a file with stars.
        time_limit: how long steps and futures may run that have no `timeout` (s; 0: no limit).
        warnings_as_errors: whether a warning fails what it is about.
        warnings: the warnings so far; the last lines of the run repeat them.
        last_lines: what actions want among the last lines of a good run.
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
    mask: Callable[[Path], None]
    time_limit: float = 0
    warnings_as_errors: bool = False
    warnings: list[str] = field(default_factory=list)
    last_lines: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Show a line to the user, and keep it in the log."""
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
