"""The durations of steps and futures when they last succeeded, as estimates for the next run."""

from pathlib import Path

from doitstack.journal.journal_file import run_journals
from doitstack.journal.run_record import RunRecord, read_run
from doitstack.journal.status import Status
from doitstack.steps import Kind

RUNS = 10
"""How many earlier runs are read."""


def last_durations(log_dir: Path) -> dict[str, float]:
    """Return seconds by task (`stack:install:keystone:db_sync`), and by name for futures.

    A later run replaces the figures of an earlier one; only what succeeded counts.
    """
    durations: dict[str, float] = {}
    for path in run_journals(log_dir)[-RUNS:]:
        if run := read_run(path):
            durations |= durations_of(run)
    return durations


def durations_of(run: RunRecord) -> dict[str, float]:
    """Return the durations (s) of the steps and futures that succeeded in a run, without waits."""
    return {
        step.name if step.is_future else step.task: step.seconds
        for step in run.steps
        if step.status is Status.DONE and step.kind is not Kind.ASYNC_WAIT
    }
