"""A task, and the states of its life."""

from enum import Enum

from doitstack.records import Record


class TaskKind(Enum):
    """The kind of a task: on the main line, in the background, or a wait without work."""

    STEP = "step"
    FUTURE = "future"
    WAIT = "wait"


class TaskState(Enum):
    """The state of a task. The last five are final."""

    WAITING = "waits for its needs"
    DUE = "has all it needs"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "up to date"
    FAILED = "failed"
    STOPPED = "stopped"
    NOT_RUN = "not run"

    # Enum's own hash is a function in Python, called for each of the many look-ups in sets.
    __hash__ = object.__hash__


PENDING = frozenset({TaskState.WAITING, TaskState.DUE, TaskState.QUEUED})
GOOD = frozenset({TaskState.DONE, TaskState.SKIPPED})
BAD = frozenset({TaskState.FAILED, TaskState.STOPPED, TaskState.NOT_RUN})

NEXT = {
    TaskState.WAITING: {TaskState.DUE, TaskState.NOT_RUN},
    TaskState.DUE: {TaskState.WAITING, TaskState.QUEUED} | GOOD | BAD,
    TaskState.QUEUED: {TaskState.RUNNING} | GOOD | BAD,
    TaskState.RUNNING: {TaskState.DONE, TaskState.FAILED, TaskState.STOPPED},
}
"""The states to which a state may change."""

READY = frozenset({TaskState.DUE, TaskState.QUEUED, TaskState.RUNNING})


class Task(Record):
    """One task.

    Args:
        needs: tasks that must have ended well before this one starts. Names that have not been
            added count as met.
        lock: tasks with the same lock never run at once. It is for futures.
        rank: of the futures that could start, the one with the greatest rank is first.
        takes_slot: whether a future needs a slot. One whose work is done on another host needs
            none, and runs beside the main line in a serial run, too.
        counts: a task that fails stops the run only if it counts; if not, others go on as if it
            had ended well. A future that nothing waits for does not count.
        is_check: if a check fails, the run stops only once the other checks that are ready have
            run.
        is_nested: a future that a running task has started; in a serial run it runs inside that
            task. A failure elsewhere does not stop it, as the task that started it may wait for it.
    """

    name: str
    kind: TaskKind = TaskKind.STEP
    needs: tuple[str, ...] = ()
    lock: str = ""
    rank: float = 0.0
    takes_slot: bool = True
    counts: bool = True
    is_check: bool = False
    is_nested: bool = False
