"""A run is opened with everything that its parts share, and closed whole."""

import os
import stat
from pathlib import Path

import pytest

from doitstack.config.settings import load_settings
from doitstack.engine.run import open_run
from doitstack.errors import StepError
from doitstack.futures.run_context import RunOptions
from doitstack.stack import Stack
from tests.served_tool import is_gone


def options(*, jobs: int = 0, parallel: bool = True) -> RunOptions:
    return RunOptions(("stack",), jobs, parallel, keep_going=False, strict=False, tears_down=False)


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(load_settings(tmp_path, {"ADMIN_PASSWORD": "s3cret-word"}))


def test_directories_are_private(stack: Stack) -> None:
    with open_run(stack, options()):
        directories = (stack.dest, stack.data_dir, stack.log_dir, stack.dest / "async")
        assert {stat.S_IMODE(path.stat().st_mode) for path in directories} == {0o700}


def test_stack_acts_inside_the_run_only(stack: Stack) -> None:
    with open_run(stack, options()) as run:
        stack.say("inside")
        assert stack.context.began <= run.context.journal.now()
    with pytest.raises(StepError, match="a hook declares steps"):
        stack.say("outside")
    assert (stack.log_dir / "stack.log").read_text() == "inside\n"


def test_builds_find_the_slots_of_the_run(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEFLAGS", "-k")
    with open_run(stack, options(jobs=3)) as run:
        assert run.context.slots.jobs == 3
        assert run.context.slots.path in os.environ["MAKEFLAGS"]
    assert os.environ["MAKEFLAGS"] == "-k"


def test_serial_future_has_ended_when_it_is_submitted(stack: Stack) -> None:
    with open_run(stack, options(jobs=3, parallel=False)) as run:
        futures = run.executor.futures
        order = [futures.submit(name, name, lambda: None).code for name in ("a", "b")]
    assert order == [0, 0]


def test_secrets_are_redacted(stack: Stack) -> None:
    with open_run(stack, options()) as run:
        assert run.context.redact("it is s3cret-word") == "it is ***"


def test_cpu_time_grows_with_the_journal_of_the_run(stack: Stack) -> None:
    with open_run(stack, options()) as run:
        before = run.cpu_seconds()
        stack.run(["true"])
        assert run.cpu_seconds() >= before
        assert run.context.journal.path.parent == stack.log_dir / "runs"


def test_close_leaves_neither_watchdogs_nor_descriptors(stack: Stack) -> None:
    descriptors = len(os.listdir("/proc/self/fd"))
    pids: list[int] = []

    def fail() -> None:
        with open_run(stack, options()) as run:
            stack.shell("true")
            session = run.executor._session._session
            assert session
            pids.extend((*run.context.watchdog._pids, session.root.pid))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [is_gone(pid) for pid in pids] == [True, True, True]
    assert len(os.listdir("/proc/self/fd")) == descriptors
