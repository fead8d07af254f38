"""The recorded runs of a stack directory, each in a few words."""

from collections.abc import Iterator
from pathlib import Path

from doitstack.journal.journal_file import run_journals
from doitstack.journal.run_record import RunRecord, read_run
from doitstack.records import Record


class RunRow(Record):
    """One run: its name, start (s since the epoch), tasks, duration (s) and exit code.

    The code is None if the run has no recorded end: it still lasts, or was killed.
    """

    name: str
    start: float
    tasks: tuple[str, ...]
    seconds: float
    code: int | None

    @property
    def result(self) -> str:
        """How it ended, in words."""
        if self.code is None:
            return "no end"
        return "done" if self.code == 0 else f"failed ({self.code})"


def run_rows(log_dir: Path) -> Iterator[RunRow]:
    """Yield the runs, the last one at the end."""
    for path in run_journals(log_dir):
        if run := read_run(path):
            yield _row(run)


def _row(run: RunRecord) -> RunRow:
    return RunRow(run.name, run.start, run.tasks, round(run.end - run.start, 3), run.code)
