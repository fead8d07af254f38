"""How a step ends, and where a future is in its life."""

from enum import Enum


class Status(Enum):
    """The state of a step or future in the record of a run.

    RUNNING is also the last known state of what was cut off when its run was killed.
    """

    QUEUED = "queued"
    RUNNING = "no end recorded"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    UP_TO_DATE = "up to date"
    NOT_RUN = "not run"
