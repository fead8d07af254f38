"""`doit timing`: the times of a run, as tables, figures, a page, a trace or test results."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import doit

from doitstack.cli.base import ShowCommand, width
from doitstack.errors import StepError
from doitstack.journal.events import RunStart
from doitstack.journal.journal_file import first_event, run_journals
from doitstack.journal.last_run import last_run
from doitstack.journal.run_list import run_rows
from doitstack.journal.run_record import read_run
from doitstack.journal.timing import timing_of
from doitstack.planning.stack_directory import StackDirectory
from doitstack.private_files import write_private
from doitstack.reports import tables
from doitstack.reports.json_lists import runs_json
from doitstack.reports.run_reports import Reports

LIST = "?"
"""The value of `--run` if it is given without one: list the runs."""

SHOWN_RUNS = 5
"""How many known runs the error message lists."""


def _option(name: str, help_: str, *, is_flag: bool = False) -> dict[str, Any]:
    kind: dict[str, Any] = (
        {"type": bool, "default": False} if is_flag else {"type": str, "default": ""}
    )
    return {"name": name, "short": "", "long": name, "help": help_, **kind}


class Timing(ShowCommand):
    """`doit timing`."""

    doc_purpose = "show the times of a run, and the time that futures saved"
    doc_examples = ("doit timing", "doit timing --run", "doit timing --html run.html")
    cmd_options = (
        _option("json", "print the figures as JSON, all times in seconds", is_flag=True),
        _option(
            "run",
            "the run to show: its name, how that begins, or a task, for its last run; without a "
            "value, list them",
        ),
        _option("html", "write a page of the run to this file: charts, logs, comparison, what-if"),
        _option("compare", "the earlier run that the page compares with (the last of these tasks)"),
        _option("trace", "write Chrome trace events to this file, which ui.perfetto.dev opens"),
        _option("junit", "write JUnit XML to this file: a test case for each step and future"),
    )

    def arranged(self, words: list[str]) -> list[str]:
        """Return the options first; `--run` needs no value."""
        followers = [*words[1:], "-"]
        return super().arranged(
            [
                f"--run={LIST}" if word == "--run" and after.startswith("-") else word
                for word, after in zip(words, followers, strict=True)
            ]
            if words
            else words
        )

    def show(self, directory: StackDirectory, params: Any) -> str:
        """Return the figures of a run, or the names of written files. Raises StepError if none."""
        log_dir = directory.stack.log_dir
        if params["run"] == LIST:
            rows = run_rows(log_dir)
            return runs_json(rows) if params["json"] else tables.runs_table(rows, width())
        path = _run_of(log_dir, params["run"])
        run = read_run(path) if path else None
        if path is None or run is None:
            raise StepError(f"no run is recorded in {log_dir}; run `doit stack`")
        written = _write_files(directory, path, params)
        timing = timing_of(log_dir, run)
        if params["json"]:
            return json.dumps(timing.as_dict(), indent=2) + "\n"
        return written or tables.timing_tables(timing, width())


def _run_of(log_dir: Path, name: str) -> Path | None:
    """Return the journal of a run: by its name, the last one of a task, or the last of all.

    Raises StepError for an unknown name.
    """
    if not name:
        return last_run(log_dir)
    known = run_journals(log_dir)
    begin = name.removesuffix(".jsonl")
    for path in reversed(known):
        if path.stem.startswith(begin) or name in _tasks_of(path):
            return path
    last = ", ".join(path.stem for path in known[-SHOWN_RUNS:]) or "none"
    raise StepError(f"there is no run {name} in {log_dir / 'runs'}; the last ones: {last}")


def _tasks_of(path: Path) -> tuple[str, ...]:
    start = first_event(path)
    return start.tasks if isinstance(start, RunStart) else ()


def _write_files(directory: StackDirectory, path: Path, params: Any) -> str:
    """Write the requested files; return the message about them."""
    wanted = {name: params[name] for name in ("html", "trace", "junit") if params[name]}
    if not wanted:
        return ""
    stack = directory.stack
    before = _run_of(stack.log_dir, params["compare"]) if params["compare"] else None
    reports = Reports(stack, path, before)
    makers: dict[str, Callable[[], str]] = {
        "html": reports.page,
        "trace": reports.trace,
        "junit": reports.junit,
    }
    return "".join(_written(Path(file), makers[name]) for name, file in wanted.items())


def _written(name: Path, make: Callable[[], str]) -> str:
    path = Path(os.path.realpath(Path(doit.get_initial_workdir(), name)))
    if path.exists() and not path.is_file():
        raise StepError(f"{path} is not a file; choose another name")
    if not path.parent.is_dir():
        raise StepError(
            f"the directory {path.parent} does not exist; create it, or choose another file"
        )
    text = make()
    try:
        write_private(path, text)
    except OSError as error:
        raise StepError(
            f"{path} cannot be written: {error.strerror}; choose another file"
        ) from error
    return f"wrote {path}\n"
