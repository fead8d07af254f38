"""The last run as files and journal tell of it; works beside a run that goes on."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from doitstack.config.dest_directory import holder
from doitstack.journal.job_file import Job, read_job
from doitstack.journal.raw_events import Event, read_events, run_journals
from doitstack.processes.tree import is_running
from doitstack.steps import Kind


@dataclass(frozen=True)
class FutureRow:
    """One future as `doit futures` shows it; `seconds` is its age or its duration.

    `pid` is None before it starts, and 0 for one that ran in the bash session itself. `lock` is
    what a queued one waits for beside a slot.
    """

    name: str
    state: str
    pid: int | None
    seconds: float
    rc: int | None
    log: Path
    lock: str = ""

    @property
    def standing(self) -> str:
        """The state in words."""
        return f"queued for lock {self.lock}" if self.lock else self.state


OVER = frozenset({"ended", "collected", "cancelled", "stopped", "lost"})
"""The states of futures that nothing will happen to any more."""


def last_run(log_dir: Path) -> Path | None:
    """Return the journal of the last run that had steps of a stack, if there was one."""
    for path in reversed(run_journals(log_dir)):
        first = next(iter(read_events(path)), None)
        if first and first.kind == "run_start":
            return path
    return None


class LastRun:
    """The last run of a stack directory, looked at again and again while it goes on."""

    def __init__(self, dest: Path, log_dir: Path) -> None:
        self._dest = dest
        self._log_dir = log_dir
        self._seen: tuple[Path, int] | None = None
        self._events: list[Event] = []

    @property
    def goes_on(self) -> bool:
        """Return whether a run uses the stack directory now."""
        return holder(self._dest) is not None

    @property
    def events(self) -> list[Event]:
        """Return what the journal says so far."""
        journal = last_run(self._log_dir)
        seen = (journal, journal.stat().st_size) if journal else None
        if journal and seen != self._seen:
            self._events = list(read_events(journal))
        self._seen = seen
        return self._events if journal else []

    def futures(self) -> list[FutureRow]:
        """Return the futures: those that the journal tells of, and others that are on disk."""
        # Asked first: what ends meanwhile shall rather be shown running than lost.
        goes_on = self.goes_on
        directory = self._dest / "async"
        told = _told(self.events)
        on_disk = sorted(path.stem for path in directory.glob("*.ini"))
        names = dict.fromkeys([*told, *on_disk])
        return [
            _now(read_job(directory / f"{name}.ini"), told.get(name), goes_on=goes_on).row(
                name, directory / f"{name}.log"
            )
            for name in names
        ]

    def is_over(self, future: str) -> bool:
        """Return whether `future` has ended, or will not run any more."""
        if not self.goes_on:
            return True
        return any(row.name == future and row.state in OVER for row in self.futures())

    def is_step_over(self, task: str) -> bool:
        """Return whether the step of `task` does not run now."""
        about = [event.kind for event in self.events if event.get("task") == task]
        return not self.goes_on or about[-1:] != ["step_start"]


@dataclass(frozen=True)
class _Now:
    """What is known of one future; `since` (s since the epoch) is None once it is over."""

    state: str
    pid: int | None = None
    since: float | None = None
    seconds: float = 0.0
    rc: int | None = None
    lock: str = ""

    def row(self, name: str, log: Path) -> FutureRow:
        seconds = self.seconds if self.since is None else time.time() - self.since
        lock = self.lock if self.state == "queued" else ""
        return FutureRow(name, self.state, self.pid, seconds, self.rc, log, lock)

    def after(self, event: Event) -> "_Now":
        if event.kind == "future_queued":
            return _Now("queued", None, event.time, lock=event["lock"])
        if event.kind == "future_start":
            return _Now("running", event["pid"], event.time)
        if event.kind == "future_end":
            seconds = (event["end_time"] - event["start_time"]) / 1000
            return replace(self, state="ended", since=None, seconds=seconds, rc=event["rc"])
        state = event.kind.removeprefix("future_")
        # In the end all are collected, those that were stopped as well.
        if self.state == "stopped" or state not in OVER:
            return self
        return replace(self, state=state, since=None)


def _told(events: Iterable[Event]) -> dict[str, _Now]:
    """Return what the journal says of each future."""
    told: dict[str, _Now] = {}
    for event in events:
        if event.kind == "step_start" and event["kind"] == Kind.ASYNC_RUN.value:
            told[event["step"]] = _Now("queued", since=event.time)
        elif event.kind.startswith("future_") or event.kind == "collected":
            before = told.get(event["name"], _Now("queued", since=event.time))
            told[event["name"]] = before.after(event)
    return told


def _now(job: Job | None, told: _Now | None, *, goes_on: bool) -> _Now:
    """Return what is known of a future from its file and from the journal."""
    # One of the shell's has a process, and so a file, before it is its turn.
    is_queued = told is not None and told.state == "queued" and goes_on
    if job and (job.rc is not None or not is_queued):
        return _on_disk(job, goes_on=goes_on)
    if told and (goes_on or told.state in OVER):
        return told
    return replace(told or _Now(""), state="lost")


def _on_disk(job: Job, *, goes_on: bool) -> _Now:
    """Return what the file of a future says."""
    since = job.start_time / 1000
    if job.rc is not None:
        return _Now("ended", job.pid, None, (job.end_time or job.start_time) / 1000 - since, job.rc)
    # Pid 0 is the bash session, which lives as long as the run.
    lives = is_running(job.pid, job.started) if job.pid else goes_on
    return _Now("running" if lives else "lost", job.pid, since)
