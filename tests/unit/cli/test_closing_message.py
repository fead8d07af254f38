"""The message that ends a run."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from doitstack.cli.closing_message import closing_message
from doitstack.journal.events import RunStart
from doitstack.journal.journal_file import Journal
from doitstack.processes.left_running import LeftProcess
from tests.full_disk import no_space


class Reporter:
    def __init__(self, failures: list[str]) -> None:
        self.failures = failures

    def summary(self, again: str, log: Path | None) -> str:
        return f"again: {again}, log: {log}"


def _message(
    tmp_path: Path,
    *tasks: str,
    failures: list[str] | None = None,
    left: Sequence[LeftProcess] = (),
    is_full: bool = False,
) -> str:
    journal = Journal(tmp_path / "run.jsonl")
    with no_space() if is_full else nullcontext():
        journal.write(RunStart(tasks=tasks, pid=1, parallel=True, jobs=0, cores=1))
    journal.close()
    context = SimpleNamespace(
        options=SimpleNamespace(tasks=tasks, strict=False),
        log=SimpleNamespace(path=tmp_path / "stack.log", loss=""),
        journal=journal,
        futures_dir=tmp_path,
        warnings=[],
        last_lines=["the cloud is here"],
    )
    run: Any = SimpleNamespace(context=context, executor=SimpleNamespace(traces=tmp_path))
    reporter: Any = Reporter(failures or [])
    runner: Any = SimpleNamespace(interrupted=None)
    return closing_message(run, reporter, runner, left)


@pytest.mark.parametrize(
    ("task", "command", "log"), [("stack", "doit stack", "stack.log"), ("_clean", "doit clean", "")]
)
def test_good_run_ends_with_its_summary(tmp_path: Path, task: str, command: str, log: str) -> None:
    expected = tmp_path / log if log else None
    assert _message(tmp_path, task) == (f"again: {command}, log: {expected}\nthe cloud is here")


def test_failed_run_without_a_journal_shows_its_messages(tmp_path: Path) -> None:
    message = _message(tmp_path, "unstack", failures=["the disk is full"], is_full=True)
    assert message.splitlines() == [
        f"WARNING: {tmp_path}/run.jsonl is not complete: File too large",
        "",
        "the disk is full",
        f"log: {tmp_path}/stack.log",
        "fix it, then resume with: doit unstack",
    ]


def test_failed_run_shows_what_failed_and_how_to_resume(tmp_path: Path) -> None:
    message = _message(tmp_path, "stack", failures=["make is broken"])
    assert "make is broken" in message
    assert "doit stack" in message
    assert "the cloud is here" not in message


def test_what_was_left_running_is_named_before_the_ending(tmp_path: Path) -> None:
    message = _message(tmp_path, "stack", left=[LeftProcess(12, "sleep", "run", "f")])
    assert message.startswith(
        "a process that steps have left running: sleep 12 (future f); `doit unstack` ends it\n"
    )
