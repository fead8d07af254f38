"""A run compared with an earlier one: the slower and the faster steps."""

from collections.abc import Iterable
from pathlib import Path

from doitstack.journal.events import RunStart
from doitstack.journal.journal_file import first_event, run_journals
from doitstack.journal.run_record import RunRecord, read_run
from doitstack.journal.status import Status
from doitstack.journal.step_record import StepRecord
from doitstack.records import Record

LOOK_BACK = 50
"""How many earlier runs are read."""


class Change(Record):
    """A step or future that ended well both times; the difference (s) is positive if slower."""

    step: StepRecord
    before: StepRecord

    @property
    def seconds(self) -> float:
        """How much longer it took than before."""
        return self.step.seconds - self.before.seconds


class Comparison(Record):
    """Two runs: the steps that succeeded in both, the greatest change first, and the others."""

    before: RunRecord
    changes: tuple[Change, ...]
    new: tuple[StepRecord, ...]
    gone: tuple[StepRecord, ...]


def compare(run: RunRecord, before: RunRecord) -> Comparison:
    """Return the differences between a run and an earlier one, step by step."""
    now, then = _by_key(run.steps), _by_key(before.steps)
    # The time until something failed or was stopped is not its duration.
    both = [key for key in now if key in then and _is_good(now[key]) and _is_good(then[key])]
    changes = [Change(now[key], then[key]) for key in both]
    return Comparison(
        before=before,
        changes=tuple(sorted(changes, key=lambda change: -abs(change.seconds))),
        new=tuple(step for key, step in now.items() if key not in then),
        gone=tuple(step for key, step in then.items() if key not in now),
    )


def _is_good(step: StepRecord) -> bool:
    return step.status is Status.DONE


def _by_key(steps: Iterable[StepRecord]) -> dict[str, StepRecord]:
    return {step.task or step.name: step for step in steps if step.was_run}


def run_before(log_dir: Path, run: RunRecord) -> RunRecord | None:
    """Return the last earlier run of the same tasks that shares half of the steps of `run`."""
    steps = len(_by_key(run.steps))
    earlier = [other for other in run_journals(log_dir) if other.stem < run.name]
    for other in reversed(earlier[-LOOK_BACK:]):
        start = first_event(other)
        if not isinstance(start, RunStart) or start.tasks != run.tasks:
            continue
        before = read_run(other)
        common = len(compare(run, before).changes) if before else 0
        if common and 2 * common >= steps:
            return before
    return None
