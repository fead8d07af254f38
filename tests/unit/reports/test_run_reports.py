"""The reports of a run, made from its journal."""

import json
from pathlib import Path

import pytest

from doitstack.config.settings import load_settings
from doitstack.errors import StepError
from doitstack.reports.run_reports import Reports
from doitstack.stack import Stack
from tests.unit.runs import ONE_FUTURE, write_journal


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(load_settings(tmp_path, {"DEST": str(tmp_path / "dest")}))


def test_all_reports_are_of_the_run(stack: Stack) -> None:
    write_journal(stack.log_dir, "1", ONE_FUTURE)
    reports = Reports(stack, write_journal(stack.log_dir, "2", ONE_FUTURE))

    assert json.loads(reports.trace())["otherData"]["run"] == "2"
    assert 'testcase classname="stack-install.p" name="second"' in reports.junit()
    assert "<code>2</code>" in reports.page()
    # It is compared with the run before.
    assert 'id="comparison"' in reports.page()


def test_journal_of_no_run_is_refused(stack: Stack) -> None:
    path = write_journal(stack.log_dir, "1", ONE_FUTURE[1:])
    with pytest.raises(StepError, match="holds no run"):
        Reports(stack, path).trace()
