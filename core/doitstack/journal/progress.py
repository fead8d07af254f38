"""The progress of a run: the current work, and an estimate of the remaining time."""

from collections.abc import Iterable, Mapping, Sequence

from doitstack.journal.run_record import RunRecord
from doitstack.journal.status import Status
from doitstack.journal.step_record import StepRecord
from doitstack.planning.plan import PlannedStep
from doitstack.records import Record
from doitstack.steps import Kind

_UNFINISHED = (Status.QUEUED, Status.RUNNING)


def phase_of(run: RunRecord) -> str:
    """Return the current phase of the main line; empty before its first step."""
    for step in reversed(run.steps):
        if not step.is_future and step.status is not Status.NOT_RUN:
            return step.phase
    return ""


def futures_in(run: RunRecord, status: Status) -> list[StepRecord]:
    """Return the futures that are in a state, in the order in which they were declared."""
    return [step for step in run.steps if step.is_future and step.status is status]


def count_ended(run: RunRecord, plan: Iterable[PlannedStep]) -> tuple[int, int]:
    """Return how many steps of `plan` have ended, and how many there are."""
    known = [_has_ended(run.find(planned.task)) for planned in plan]
    return sum(known), len(known)


def _has_ended(step: StepRecord | None) -> bool:
    return step is not None and step.status not in _UNFINISHED


class RemainingTime(Record):
    """An estimate: the rest takes about `seconds`; more, unless all of it `is_known`."""

    seconds: float
    is_known: bool


def remaining_time(
    run: RunRecord, plan: Sequence[PlannedStep], expected: Mapping[str, float], now: float
) -> RemainingTime | None:
    """Return how long the rest of `plan` takes if everything takes as long as last time.

    That is the longest path through the rest: `expected` has seconds by task, and by name for
    futures. Returns None if nothing of it has been run before.
    """
    finish: dict[str, float] = {}
    known = []
    for planned in plan:
        step = run.find(planned.task)
        if _has_ended(step):
            continue
        seconds = expected.get(planned.step.name if planned.is_future else planned.task)
        if planned.step.kind is not Kind.ASYNC_WAIT:
            known.append(seconds is not None)
        ran = now - step.start if step and step.status is Status.RUNNING else 0.0
        before = max((finish.get(need, 0.0) for need in planned.needs), default=0.0)
        finish[planned.task] = before + max(0.0, (seconds or 0.0) - ran)
    return RemainingTime(max(finish.values()), all(known)) if any(known) else None
