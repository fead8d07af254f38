"""One step or future of a run, as the record of the run has it."""

from dataclasses import dataclass

from doitstack.journal.status import UNTOUCHED, Status
from doitstack.steps import Kind


@dataclass
class StepRecord:
    """A step of the plan, or a future that an action or a script has started.

    `task` is empty for the latter; their `phase` and `plugin` are those of the step that started
    them, whose task is `started_by`. `declared` is when it was a step's turn: a future may queue
    until `start`. `pid` is None until a future starts. `collected` is when the main line inserted
    the future's log, after it had waited `waited` s. `log` is where in `stack.log` its output
    begins and ends. `error` is why it failed; `failed_future` is the future whose failure it was.
    Futures with the same `lock` never run at once.
    """

    name: str
    kind: Kind
    status: Status
    declared: float
    start: float
    end: float
    phase: str = ""
    plugin: str = ""
    task: str = ""
    started_by: str = ""
    command: str = ""
    waits: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    pid: int | None = None
    rc: int | None = None
    cpu: float = 0.0
    collected: float | None = None
    waited: float = 0.0
    log: tuple[int, int] | None = None
    error: str = ""
    failed_future: str = ""
    lock: str = ""

    @property
    def is_future(self) -> bool:
        """Whether it runs in the background."""
        return self.kind is Kind.ASYNC_RUN

    @property
    def ended_in_background(self) -> bool:
        """Whether it ran as a future, to an end of its own."""
        return self.is_future and self.rc is not None

    @property
    def was_run(self) -> bool:
        """Whether any work was done for it."""
        return self.status not in UNTOUCHED

    @property
    def seconds(self) -> float:
        """How long it took (s); for an async_wait, how long the main line waited."""
        return self.end - self.start

    @property
    def label(self) -> str:
        """Its plugin and name."""
        return f"{self.plugin}: {self.name}"
