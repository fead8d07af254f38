"""The futures of the last run as files and journal tell them; works beside a run that goes on."""

import time
from collections.abc import Iterator
from pathlib import Path

from doitstack.jobfile import Job, read_job
from doitstack.journal import Event, read_events, run_journals
from doitstack.process_tree import is_running
from doitstack.reports.tables import FutureRow


def last_run(log_dir: Path) -> Path | None:
    """Return the journal of the last run that had steps of a stack, if there was one."""
    for path in reversed(run_journals(log_dir)):
        first = next(iter(read_events(path)), None)
        if first and first.kind == "run_start":
            return path
    return None


def future_rows(async_dir: Path, log_dir: Path) -> Iterator[FutureRow]:
    """Yield the futures of the last run: those on disk, and those that have been collected."""
    journal = last_run(log_dir)
    events = list(read_events(journal)) if journal else []
    names = [event["name"] for event in events if event.kind == "future_start"]
    names += sorted(path.stem for path in async_dir.glob("*.ini") if path.stem not in names)
    for name in dict.fromkeys(names):
        job = read_job(async_dir / f"{name}.ini")
        log = async_dir / f"{name}.log"
        if job:
            yield _from_file(name, job, log)
        else:
            yield _from_journal(name, [event for event in events if event.get("name") == name], log)


def _from_file(name: str, job: Job, log: Path) -> FutureRow:
    if job.rc is not None:
        seconds = ((job.end_time or job.start_time) - job.start_time) / 1000
        return FutureRow(name, "ended", job.pid, seconds, job.rc, log)
    state = "running" if is_running(job.pid, job.started) else "lost"
    return FutureRow(name, state, job.pid, time.time() - job.start_time / 1000, None, log)


def _from_journal(name: str, events: list[Event], log: Path) -> FutureRow:
    state, pid, seconds, rc = "queued", 0, 0.0, None
    for event in events:
        if event.kind == "future_start":
            state, pid = "running", event["pid"]
        elif event.kind == "future_end":
            state, rc = "ended", event["rc"]
            seconds = (event["end_time"] - event["start_time"]) / 1000
        elif event.kind == "collected":
            state = "collected"
        elif event.kind == "future_stopped":
            state = "stopped"
    return FutureRow(name, state, pid, seconds, rc, log)
