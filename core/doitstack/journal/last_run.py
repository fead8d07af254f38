"""The last run of a stack directory, from its journal and the files of its futures.

Works while the run still lasts, in another process.
"""

import time
from pathlib import Path

from doitstack.config.dest_lock import holder
from doitstack.journal.events import RunStart
from doitstack.journal.job_file import Job, read_job
from doitstack.journal.journal_file import JournalReader, first_event, run_journals
from doitstack.journal.run_record import RunRecord
from doitstack.journal.status import RecordedState, Status
from doitstack.journal.step_record import StepRecord
from doitstack.processes.tree import is_running
from doitstack.records import Record


class FutureRow(Record):
    """One future as `doit futures` shows it; `seconds` is its age or its duration.

    `pid` is None before it starts, and 0 for one that ran in the bash session itself. `lock` is
    what a queued future waits for besides a slot.
    """

    name: str
    state: RecordedState
    pid: int | None
    seconds: float
    rc: int | None
    log: Path
    lock: str = ""

    @property
    def state_text(self) -> str:
        """The state in words."""
        return f"queued for lock {self.lock}" if self.lock else self.state.value


def last_run(log_dir: Path) -> Path | None:
    """Return the journal of the last run that had steps of a stack, if there was one."""
    for path in reversed(run_journals(log_dir)):
        if isinstance(first_event(path), RunStart):
            return path
    return None


class LastRun:
    """The last run of a stack directory, which may still run; every method reads it again."""

    def __init__(self, dest: Path, log_dir: Path) -> None:
        self._dest = dest
        self._log_dir = log_dir
        self._record = RunRecord("")
        self._reader: JournalReader | None = None

    @property
    def goes_on(self) -> bool:
        """Whether a run uses the stack directory now."""
        return holder(self._dest) is not None

    @property
    def record(self) -> RunRecord:
        """The run according to its journal so far; empty before the first run."""
        path = last_run(self._log_dir)
        if path is None:
            return RunRecord("")
        if self._reader is None or path.stem != self._record.name:
            if self._reader:
                self._reader.close()
            self._record, self._reader = RunRecord(path.stem), JournalReader(path)
        for event in self._reader.read():
            self._record.add(event)
        return self._record

    def futures(self) -> list[FutureRow]:
        """Return the futures in the journal, and others that have files."""
        # Check first: a future that ends in the meantime is better shown as running than as lost.
        goes_on = self.goes_on
        directory = self._dest / "async"
        steps = {step.name: step for step in self.record.steps if _was_declared(step)}
        files = sorted(path.stem for path in directory.glob("*.ini"))
        return [
            _row(name, steps.get(name), directory, goes_on=goes_on)
            for name in dict.fromkeys([*steps, *files])
        ]

    def is_over(self, future: str) -> bool:
        """Return whether `future` has ended, or will not run any more."""
        if not self.goes_on:
            return True
        return any(row.name == future and row.state.is_over for row in self.futures())

    def is_step_over(self, task: str) -> bool:
        """Return whether the step of `task` does not run now."""
        step = self.record.find(task)
        return not self.goes_on or step is None or step.status is not Status.RUNNING


def _was_declared(step: StepRecord) -> bool:
    return step.is_future and step.status not in (Status.UP_TO_DATE, Status.NOT_RUN)


def _row(name: str, step: StepRecord | None, directory: Path, *, goes_on: bool) -> FutureRow:
    """Return the row of a future, from its job file and from the journal."""
    job, log = read_job(directory / f"{name}.ini"), directory / f"{name}.log"
    state = state_of(step) if step else RecordedState.UNKNOWN
    # A queued future of bash already has a process, and so a job file.
    is_queued = state is RecordedState.QUEUED and goes_on
    if job and (job.rc is not None or not is_queued):
        return _row_of_job(name, job, log, goes_on=goes_on)
    if step is None:
        return FutureRow(name, state, None, 0.0, None, log)
    since = {RecordedState.QUEUED: step.declared, RecordedState.RUNNING: step.start}.get(state)
    return FutureRow(
        name,
        state if goes_on or state.is_over else RecordedState.UNKNOWN,
        step.pid,
        step.seconds if since is None else time.time() - since,
        step.rc,
        log,
        step.lock if is_queued else "",
    )


def state_of(step: StepRecord) -> RecordedState:
    """Return the state of a future."""
    # At its end a run collects the futures that it has stopped, too.
    ended = RecordedState.ENDED if step.collected is None else RecordedState.COLLECTED
    return {
        Status.QUEUED: RecordedState.QUEUED,
        Status.RUNNING: RecordedState.RUNNING,
        Status.STOPPED: RecordedState.STOPPED,
        Status.CANCELLED: RecordedState.CANCELLED,
    }.get(step.status, ended)


def _row_of_job(name: str, job: Job, log: Path, *, goes_on: bool) -> FutureRow:
    """Return the row of a future from its file."""
    since = job.start_time / 1000
    if job.rc is not None:
        seconds = (job.end_time or job.start_time) / 1000 - since
        return FutureRow(name, RecordedState.ENDED, job.pid, seconds, job.rc, log)
    # Pid 0 is the bash session, which lives as long as the run.
    lives = is_running(job.pid, job.started) if job.pid else goes_on
    state = RecordedState.RUNNING if lives else RecordedState.UNKNOWN
    return FutureRow(name, state, job.pid, time.time() - since, None, log)
