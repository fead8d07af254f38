"""How long steps and futures took when they last ended well: what the next run can expect."""

from pathlib import Path

from doitstack.journal.raw_events import read_events, run_journals

RUNS = 10
"""How many earlier runs are looked at."""


def last_durations(log_dir: Path) -> dict[str, float]:
    """Return seconds by task (`stack:install:keystone:db_sync`), and by name for futures.

    A later run replaces what an earlier one says; what failed or was stopped says nothing.
    """
    durations: dict[str, float] = {}
    for path in run_journals(log_dir)[-RUNS:]:
        durations |= _durations_of(path)
    return durations


def _durations_of(path: Path) -> dict[str, float]:
    durations: dict[str, float] = {}
    started: dict[str, float] = {}
    for event in read_events(path):
        if event.kind == "step_start":
            started[event["task"]] = event.time
        elif event.kind == "step_end" and event["status"] == "done":
            durations[event["task"]] = event.time - started.get(event["task"], event.time)
        elif event.kind == "future_end" and event["rc"] == 0:
            durations[event["name"]] = max(0, event["end_time"] - event["start_time"]) / 1000
    return durations
