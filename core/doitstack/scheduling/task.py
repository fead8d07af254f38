"""A task, and the states of its life."""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """Where a task runs: on the main line, in the background, or nowhere as a mere wait."""

    STEP = "step"
    FUTURE = "future"
    WAIT = "wait"


class State(Enum):
    """Where a task is in its life. It ends in one of the last five and stays there."""

    WAITING = "waits for its needs"
    DUE = "has all it needs"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "up to date"
    FAILED = "failed"
    STOPPED = "stopped"
    NOT_RUN = "not run"


PENDING = frozenset({State.WAITING, State.DUE, State.QUEUED})
GOOD = frozenset({State.DONE, State.SKIPPED})
BAD = frozenset({State.FAILED, State.STOPPED, State.NOT_RUN})

NEXT = {
    State.WAITING: {State.DUE, State.NOT_RUN},
    State.DUE: {State.WAITING, State.QUEUED} | GOOD | BAD,
    State.QUEUED: {State.RUNNING} | GOOD | BAD,
    State.RUNNING: {State.DONE, State.FAILED, State.STOPPED},
}
"""What a state may change to."""

READY = frozenset({State.DUE, State.QUEUED, State.RUNNING})


@dataclass(frozen=True)
class Task:
    """One task.

    Args:
        needs: tasks that must have ended well before this one starts. Names that have not been
            added count as met.
        lock: tasks with the same lock never run at once. It is for futures.
        rank: of the futures that could start, the one with the greatest rank is first.
        counts: a task that fails stops the run only if it counts; if not, others go on as if it
            had ended well. A future that nothing waits for does not count.
        is_check: if a check fails, the run stops only once the other checks that are ready have
            run.
        is_nested: a future that a running task has started; in a serial run it runs inside that
            task. A failure elsewhere does not stop it, as the task that started it may wait for it.
    """

    name: str
    kind: Kind = Kind.STEP
    needs: tuple[str, ...] = ()
    lock: str = ""
    rank: float = 0.0
    counts: bool = True
    is_check: bool = False
    is_nested: bool = False
