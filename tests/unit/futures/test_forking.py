"""Children that run futures: they are forked, and close what belongs to the main process."""

import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from doitstack.futures.forking import Forker
from doitstack.futures.future import Future
from doitstack.journal.job_file import read_job
from tests.unit.fake_run import FakeRun


@pytest.fixture
def run(tmp_path: Path) -> Iterator[FakeRun]:
    (tmp_path / "stack.log").touch()
    made = FakeRun(tmp_path)
    yield made
    made.close()


def make_future(**attributes: Any) -> Future:
    registry: Any = None
    future = Future(registry, "a", "do a")
    vars(future).update(attributes)
    return future


def wait(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_child_runs_the_action_and_is_not_the_parent(run: FakeRun) -> None:
    forker = Forker(run.context)
    closed: list[str] = []
    forker.close_in_child.append(lambda: closed.append("session"))
    pid = forker.fork(make_future(), lambda: (closed, forker.is_parent, os.getpid()))
    assert wait(pid) == 0
    value, _ = pickle.loads((run.directory / "a.result").read_bytes())
    assert value == (["session"], False, pid)
    assert (closed, forker.is_parent) == ([], True)
    job = read_job(run.directory / "a.ini")
    assert job
    assert (job.command, job.pid, job.rc) == ("do a", pid, 0)
    assert f"[Async a:{pid}]: running: do a\n" in run.log.path.read_text()


def test_output_in_place_goes_to_the_main_log(run: FakeRun) -> None:
    pid = Forker(run.context).fork(
        make_future(in_place=True), lambda: sys.stdout.write("from inside\n")
    )
    assert wait(pid) == 0
    assert "from inside\n" in run.log.path.read_text()
    assert not (run.directory / "a.log").exists()


def test_child_has_the_mark_by_which_it_is_found(run: FakeRun) -> None:
    forker = Forker(run.context)
    wait(forker.fork(make_future(), lambda: dict(os.environ)))
    environ, _ = pickle.loads((run.directory / "a.result").read_bytes())
    assert environ["DOITSTACK_FUTURE"] == "run:a"
