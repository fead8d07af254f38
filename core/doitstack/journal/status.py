"""The states of steps and futures: one vocabulary for the journal, its readers and the screen."""

from enum import Enum


class Status(Enum):
    """The state of a step or future in the record of a run.

    RUNNING is also the state of a step that had not ended when its run was killed.
    """

    QUEUED = "queued"
    RUNNING = "no end recorded"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    UP_TO_DATE = "up to date"
    NOT_RUN = "not run"


UNTOUCHED = frozenset({Status.QUEUED, Status.CANCELLED, Status.UP_TO_DATE, Status.NOT_RUN})
"""The states in which no work was done."""


class RecordedState(Enum):
    """The state of a future. UNKNOWN is one without a recorded end after the end of its run."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"
    COLLECTED = "collected"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    UNKNOWN = "lost"

    @property
    def is_over(self) -> bool:
        """Whether it will not change, except that an ended future is collected."""
        return self not in (RecordedState.QUEUED, RecordedState.RUNNING)
