"""The recorded runs."""

from pathlib import Path

import pytest

from doitstack.journal.events import RunEnd, RunStart
from doitstack.journal.journal_file import Journal
from doitstack.journal.run_list import RunRow, run_rows


def test_runs_are_listed_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    for name, code in (("a", 0), ("b", 1)):
        journal = Journal(tmp_path / "runs" / f"{name}.jsonl")
        journal.write(RunStart(tasks=("stack",), pid=1, parallel=True, jobs=0, cores=1))
        journal.write(RunEnd(code))
        journal.close()
    assert [(row.name, row.tasks, row.result) for row in run_rows(tmp_path)] == [
        ("a", ("stack",), "done"),
        ("b", ("stack",), "failed (1)"),
    ]


@pytest.mark.parametrize(("code", "result"), [(None, "no end"), (0, "done"), (130, "failed (130)")])
def test_result_in_words(code: int | None, result: str) -> None:
    assert RunRow("a", 0.0, (), 0.0, code).result == result
