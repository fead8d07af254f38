"""The figures of a run: those of DevStack's formula, and better ones. Prints nothing."""

from pathlib import Path

from doitstack.journal.critical_path import Stretch, critical_path
from doitstack.journal.events import RunStart
from doitstack.journal.journal_file import first_event, run_journals
from doitstack.journal.run_record import RunRecord, read_run
from doitstack.journal.status import Status
from doitstack.records import Record

ASYNC_WAIT = "async_wait"
"""The row of DevStack's component table for the time in which the main line waited."""

NOTICEABLE = 0.05
"""Seconds from which on a wait, a gain or a part of the critical path is worth showing."""

HISTORY = 50
"""How many earlier runs are searched for a serial one to compare with."""


class Timing(Record):
    """The figures of one run, in s.

    `background` is the time of all futures, `wait` the time in which the main line waited for
    them. `serial` is DevStack's estimate: elapsed + background - wait; `speedup` is serial over
    elapsed. `cpu` is the CPU time of the run, of its children and, meanwhile, of the services.
    `critical_path` is the longest chain of work that had to follow on one another; no number of
    cores makes a run shorter, and no schedule shorter than `lower_bound`, the greater of it and
    CPU time over cores.
    `measured_speedup` compares with the last serial run of the same steps, if there is one.
    """

    elapsed: float
    background: float
    wait: float
    cpu: float
    cores: int
    critical_path: float
    critical_steps: tuple[Stretch, ...]
    components: dict[str, float]
    is_parallel: bool
    serial_elapsed: float | None = None

    @property
    def serial(self) -> float:
        """The time that everything would take one after another, as DevStack estimates it."""
        return self.elapsed + self.background - self.wait

    @property
    def speedup(self) -> float:
        """How many times faster than `serial` the run was."""
        return self.serial / self.elapsed if self.elapsed > 0 else 1.0

    @property
    def lower_bound(self) -> float:
        """No schedule of the same work on these cores is shorter than this."""
        return max(self.critical_path, self.cpu / max(1, self.cores))

    @property
    def measured_speedup(self) -> float | None:
        """How many times faster than the last serial run of the same steps it really was."""
        if self.serial_elapsed is None or self.elapsed <= 0:
            return None
        return self.serial_elapsed / self.elapsed

    def as_dict(self) -> dict[str, object]:
        """Return the figures for machines, all times in s."""
        return {
            "elapsed": round(self.elapsed, 3),
            "background": round(self.background, 3),
            "wait": round(self.wait, 3),
            "serial": round(self.serial, 3),
            "speedup": round(self.speedup, 3),
            "cpu": round(self.cpu, 3),
            "cores": self.cores,
            "critical_path": round(self.critical_path, 3),
            "lower_bound": round(self.lower_bound, 3),
            "measured_speedup": self.measured_speedup and round(self.measured_speedup, 3),
            "parallel": self.is_parallel,
            "critical_steps": [
                {"name": part.name, "seconds": round(part.seconds, 3)}
                for part in self.critical_steps
            ],
            "components": {name: round(time, 3) for name, time in self.components.items()},
        }


def measure(run: RunRecord, serial_elapsed: float | None = None) -> Timing:
    """Return the figures of a run; `serial_elapsed` is what the last serial one took (s).

    A run that was killed ends with its last event.
    """
    length, steps = critical_path(run)
    waits = [wait.end - wait.start for wait in run.waits]
    background = [step.seconds for step in run.futures if step.ended_in_background]
    return Timing(
        elapsed=run.elapsed,
        background=sum(background),
        wait=sum(waits) if run.is_parallel else 0.0,
        cpu=run.cpu,
        cores=run.cores,
        critical_path=length,
        critical_steps=steps,
        components=run.components | ({ASYNC_WAIT: sum(waits)} if waits else {}),
        is_parallel=run.is_parallel,
        serial_elapsed=serial_elapsed,
    )


def last_serial_elapsed(log_dir: Path, run: RunRecord) -> float | None:
    """Return how long (s) the last good serial run of the same steps took, if there was one."""
    for path in reversed(run_journals(log_dir)[-HISTORY:]):
        start = first_event(path)
        if path.stem == run.name or not isinstance(start, RunStart) or start.parallel:
            continue
        other = read_run(path)
        if other and other.code == 0 and _tasks_run(other) == _tasks_run(run):
            return other.elapsed
    return None


def _tasks_run(run: RunRecord) -> frozenset[str]:
    had_no_turn = (Status.UP_TO_DATE, Status.NOT_RUN)
    return frozenset(
        step.task for step in run.steps if step.task and step.status not in had_no_turn
    )


def timing_of(log_dir: Path, run: RunRecord) -> Timing:
    """Return the figures of a run, with those of the last serial one."""
    return measure(run, last_serial_elapsed(log_dir, run))
