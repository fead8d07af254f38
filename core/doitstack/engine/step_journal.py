"""Records in the journal what becomes of each step of the plan."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from doitstack.console.main_log import MainLog
from doitstack.journal.events import StepEnd, StepEvent, StepNotRun, StepSkipped, StepStart
from doitstack.journal.journal_file import Journal
from doitstack.journal.status import Status
from doitstack.planning.plan import PlannedStep


class StepOutcome:
    """How a step of the main line ends: it was stopped, unless it says otherwise."""

    def __init__(self) -> None:
        self.status = Status.STOPPED
        self.error: str | None = None
        self.future = ""

    def succeed(self) -> None:
        """Take in that the step has ended well."""
        self.status = Status.DONE

    def fail(self, error: str, future: str) -> None:
        """Take in that the step has failed, because of `future` if that is not empty."""
        self.status, self.error, self.future = Status.FAILED, error, future


class StepJournal:
    """Records steps in the journal, with the places of their output in the main log."""

    def __init__(self, journal: Journal, log: MainLog) -> None:
        self._journal = journal
        self._log = log
        self._had_their_turn: set[str] = set()

    def skip(self, planned: PlannedStep) -> None:
        """Record that a step is up to date."""
        self._take_turn(StepSkipped.of(planned))

    def start_future(self, planned: PlannedStep) -> None:
        """Record that the turn of a future has come."""
        self._take_turn(StepStart.of(planned))

    def cannot_start(self, planned: PlannedStep, error: Exception) -> None:
        """Record that a future could not be started."""
        self._journal.write(StepEnd(planned.task, Status.FAILED, self._log.size, str(error)))

    @contextmanager
    def running(self, planned: PlannedStep) -> Iterator[StepOutcome]:
        """Record the start and, whatever happens, the end of a step of the main line."""
        self._take_turn(replace(StepStart.of(planned), log=self._log.size))
        end = StepOutcome()
        try:
            yield end
        finally:
            size = self._log.size
            self._journal.write(StepEnd(planned.task, end.status, size, end.error, end.future))

    def not_run(self, steps: Iterable[PlannedStep]) -> None:
        """Record those of `steps` that have not had their turn when the run ends."""
        for planned in steps:
            if planned.task not in self._had_their_turn:
                self._journal.write(StepNotRun.of(planned))

    def _take_turn(self, event: StepEvent) -> None:
        self._had_their_turn.add(event.task)
        self._journal.write(event)
