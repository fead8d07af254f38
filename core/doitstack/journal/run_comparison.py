"""A run beside an earlier one: what got slower, what faster. Decides nothing about why."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from doitstack.journal.journal_file import run_journals
from doitstack.journal.run_record import RunRecord, Status, StepRecord, read_run

LOOK_BACK = 50
"""How many earlier runs are looked at."""


@dataclass(frozen=True)
class Change:
    """A step or future that ended well both times; the difference (s) is positive if slower."""

    step: StepRecord
    before: StepRecord

    @property
    def seconds(self) -> float:
        """How much longer it took than before."""
        return self.step.seconds - self.before.seconds


@dataclass(frozen=True)
class Comparison:
    """Two runs: what ended well in both, the greatest change first, and what only one has run."""

    before: RunRecord
    changes: tuple[Change, ...]
    new: tuple[StepRecord, ...]
    gone: tuple[StepRecord, ...]


def compare(run: RunRecord, before: RunRecord) -> Comparison:
    """Return what differs between a run and an earlier one, step by step."""
    now, then = _by_key(run.steps), _by_key(before.steps)
    # How long something ran until it failed or was stopped says nothing of its speed.
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


def run_before(log_dir: Path, path: Path) -> RunRecord | None:
    """Return the last run before that of `path` with the same tasks and half of its good steps."""
    run = read_run(path)
    if run is None:
        return None
    steps = len(_by_key(run.steps))
    earlier = [other for other in run_journals(log_dir) if other.name < path.name]
    for other in reversed(earlier[-LOOK_BACK:]):
        before = read_run(other)
        if before and before.tasks == run.tasks:
            common = len(compare(run, before).changes)
            if common and 2 * common >= steps:
                return before
    return None
