"""The lines about steps. They are written to the main line's log, which is shown."""

import time
from collections.abc import Callable
from pathlib import Path

from doit.exceptions import BaseFail, UnmetDependency
from doit.task import Task

from doitstack.planning.doit_tasks import planned_step
from doitstack.planning.plan import PlannedStep
from doitstack.reports.formatting import brief_name, counted

NAMES = 3
"""How many futures of an async_wait are named."""


class StepReporter:
    """doit's reporter for a stack directory."""

    desc = "one line per step, and the failures"

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._failures: list[str] = []
        self._began = time.monotonic()
        self._done = 0
        self._up_to_date = 0
        self._ignored: list[str] = []

    def initialize(self, tasks: dict[str, Task], selected: list[str]) -> None:
        """Required by doit; does nothing with the tasks."""

    def get_status(self, task: Task) -> None:
        """Required by doit; called before a task is checked."""

    def execute_task(self, task: Task) -> None:
        """Report that a step starts."""
        planned = planned_step(task)
        if planned:
            self._say(f"==> {_place(planned)}")

    def skip_uptodate(self, task: Task) -> None:
        """Report that a step is up to date."""
        planned = planned_step(task)
        if planned:
            self._up_to_date += 1
            self._say(
                f"--> {planned.phase.value}: {planned.plugin}: {planned.step.name} (up to date)"
            )

    def skip_ignore(self, task: Task) -> None:
        """Report that a step is ignored, as `doit ignore` has saved."""
        if planned_step(task):
            self._ignored.append(task.name)
            self._say(f"!!> {task.name} (ignored)")

    def took(self, task: Task, seconds: float) -> None:
        """Report that a step succeeded, and its duration in s."""
        planned = planned_step(task)
        if planned:
            self._done += 1
            self._say(f"<== {_place(planned)} ({seconds:.1f} s)")

    def add_success(self, task: Task) -> None:
        """Required by doit; called when a task has succeeded."""

    def add_failure(self, task: Task, fail: BaseFail) -> None:
        """Keep a failure; it is shown at the end of the run."""
        planned = planned_step(task)
        # doit names the task once more, by a name that is not the user's.
        doits = f"ERROR: Task '{task.name}' checking dependencies: "
        message = fail.get_msg().strip().removeprefix(doits)
        if isinstance(fail, UnmetDependency):
            self._failures.append(f"not run: {task.name}, as it needs {fail.message}")
        elif planned:
            self._failures.append(
                f"ERROR: {planned.phase.value}: plugin {planned.plugin}: "
                f"step {brief_name(planned.step, NAMES)}: {message}"
            )
        else:
            self._failures.append(f"ERROR: {task.name}: {message}")
        self._say(self._failures[-1])

    def cleanup_error(self, exception: BaseFail) -> None:
        """Report that a teardown failed."""
        self._say(f"ERROR: {exception.get_msg()}")

    def runtime_error(self, msg: str) -> None:
        """Report an error of doit itself."""
        self._failures.append(f"ERROR: {msg}")
        self._say(self._failures[-1])

    def teardown_task(self, task: Task) -> None:
        """Required by doit; called when a teardown starts."""

    def complete_run(self) -> None:
        """Required by doit; called when everything is done."""

    def summary(self, command: str, log: Path | None) -> str:
        """Return the last line of a successful run; `log` is None if the log will be removed."""
        seconds = time.monotonic() - self._began
        steps = f"{counted(self._done, 'step')} run, {self._up_to_date} up to date"
        where = f"; log: {log}" if log else ""
        if self._ignored:
            steps += f", {len(self._ignored)} ignored (`doit forget {self._ignored[0]}` ends that)"
        return f"{command}: done in {seconds:.1f} s: {steps}{where}"

    @property
    def failures(self) -> list[str]:
        """The failures, in order."""
        return self._failures


def _place(planned: PlannedStep) -> str:
    verb = "async_run " if planned.is_future else ""
    return f"{planned.phase.value}: {planned.plugin}: {verb}{brief_name(planned.step, NAMES)}"
