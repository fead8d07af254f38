"""The failures of a run: the first failed step or future, and the consequences of it.

Draws conclusions from the record of the run and shows nothing.
"""

from doitstack.journal.run_record import RunRecord
from doitstack.journal.status import Status
from doitstack.journal.step_record import StepRecord
from doitstack.records import Record
from doitstack.steps import Kind


class RunFailures(Record):
    """Why a run did not succeed.

    `failed` are the steps and futures that failed by themselves, the first first; `interrupted` is
    the step that a signal ended. `awaited` is the future for which the main line waited when it
    ended (empty: any). `stopped` and `not_run` name the futures that were stopped and the steps
    that never ran, but for those of a name that has failed.
    """

    failed: tuple[StepRecord, ...] = ()
    interrupted: StepRecord | None = None
    stopped: tuple[str, ...] = ()
    not_run: tuple[str, ...] = ()
    awaited: str | None = None


def failures_of(run: RunRecord, *, strict: bool) -> RunFailures:
    """Return why a run did not succeed.

    A future that nothing waits for fails a run only if that is `strict`.
    """
    interrupted = [s for s in run.steps if s.status is Status.STOPPED and not s.is_future]
    stopped = [s.name for s in run.steps if s.status is Status.STOPPED and s.is_future]
    cancelled = [s.name for s in run.steps if s.status is Status.CANCELLED]
    not_run = [
        s.name for s in run.steps if s.status is Status.NOT_RUN and s.kind is not Kind.ASYNC_WAIT
    ]
    failed = tuple(step for step in run.failed if _is_cause(run, step, strict=strict))
    # A script has a step of the same name in each phase.
    names = {step.name for step in failed}
    return RunFailures(
        failed=failed,
        interrupted=interrupted[-1] if interrupted else None,
        stopped=_each_once(stopped),
        not_run=_each_once([name for name in cancelled + not_run if name not in names]),
        awaited=run.last_wait.name if run.last_wait else None,
    )


def _is_cause(run: RunRecord, step: StepRecord, *, strict: bool) -> bool:
    """Return whether a failed step has failed the run by itself."""
    if not step.ended_in_background:
        return not step.failed_future
    return strict or any(
        step.name == other.failed_future
        or (step.name in other.waits and other.status is not Status.UP_TO_DATE)
        for other in run.steps
    )


def _each_once(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
