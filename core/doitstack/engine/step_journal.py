"""Records each step of the plan in the journal: skipped, started, ended or not run."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from doitstack.console.main_log import MainLog
from doitstack.journal.events import StepEnd, StepEvent, StepNotRun, StepSkipped, StepStart
from doitstack.journal.journal_file import Journal
from doitstack.journal.status import Status
from doitstack.planning.plan import PlannedStep


class StepOutcome:
    """How a step of the main line ends: stopped, unless `succeed` or `fail` is called."""

    def __init__(self) -> None:
        self.status = Status.STOPPED
        self.error: str | None = None
        self.future = ""

    def succeed(self) -> None:
        """Record that the step has succeeded."""
        self.status = Status.DONE

    def fail(self, error: str, future: str) -> None:
        """Record that the step has failed, because of `future` if that is not empty."""
        self.status, self.error, self.future = Status.FAILED, error, future


class StepJournal:
    """Records steps in the journal, with the places of their output in the main log."""

    def __init__(self, journal: Journal, log: MainLog) -> None:
        self._journal = journal
        self._log = log
        self._recorded: set[str] = set()

    def skip(self, planned: PlannedStep) -> None:
        """Record that a step is up to date."""
        self._take_turn(StepSkipped.of(planned))

    def start_future(self, planned: PlannedStep) -> None:
        """Record that a future is declared."""
        self._take_turn(StepStart.of(planned))

    def cannot_start(self, planned: PlannedStep, error: Exception) -> None:
        """Record that a future could not be started."""
        self._journal.write(StepEnd(planned.task, Status.FAILED, self._log.size, str(error)))

    @contextmanager
    def running(self, planned: PlannedStep) -> Iterator[StepOutcome]:
        """Record the start and, even after an exception, the end of a step of the main line."""
        self._take_turn(StepStart.of(planned, log=self._log.size))
        end = StepOutcome()
        try:
            yield end
        finally:
            size = self._log.size
            self._journal.write(StepEnd(planned.task, end.status, size, end.error, end.future))

    def not_run(self, steps: Iterable[PlannedStep]) -> None:
        """Record at the end of the run those of `steps` that were neither skipped nor started."""
        for planned in steps:
            if planned.task not in self._recorded:
                self._journal.write(StepNotRun.of(planned))

    def _take_turn(self, event: StepEvent) -> None:
        self._recorded.add(event.task)
        self._journal.write(event)
