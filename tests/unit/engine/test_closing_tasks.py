"""The tasks that end a stack: what they collect, check and show."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from doitstack.config.settings import load_settings
from doitstack.engine.closing_tasks import ClosingTasks, PendingTasks
from doitstack.errors import StepError
from doitstack.futures.registry import FutureRegistry
from doitstack.journal.events import RunStart, StepEnd, StepStart
from doitstack.planning.doit_tasks import CLEANUP, SERVICE_CHECK, TIMING
from doitstack.stack import Stack
from tests.unit import runs
from tests.unit.fake_run import FakeRun


class Closing(FakeRun):
    """A run that is about to end."""

    def __init__(self, directory: Path, **options: Any) -> None:
        super().__init__(directory, **options)
        self.futures = FutureRegistry(self.context)
        self.samples = 0
        self.stack = Stack(load_settings(directory, {}))
        self.dead: dict[str, str] = {}
        stack: Any = SimpleNamespace(
            dead_services=lambda: self.dead, log_dir=directory, settings=self.stack.settings
        )
        run: Any = SimpleNamespace(
            context=self.context,
            executor=SimpleNamespace(futures=self.futures),
            sampler=SimpleNamespace(take=self._sample),
        )
        self.close_task = ClosingTasks(run, stack)

    def _sample(self) -> None:
        self.samples += 1

    def start(self, name: str, rc: int) -> None:
        future = self.futures.declare(name, f"do {name}")
        self.futures.start_when_possible(future, lambda: self.futures.runs(future, 7, 1.0))
        self.futures.pump()

        def end() -> None:
            self.record_end(name, rc)
            self.futures.ended(future, rc)

        self.soon(end)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Closing]:
    made = Closing(tmp_path)
    yield made
    made.close()


def test_cleanup_waits_for_all_futures_and_only_warns(run: Closing) -> None:
    run.start("a", 3)
    run.start("b", 0)
    run.close_task(CLEANUP)
    assert [line for line in run.log.lines if line.startswith(("<", "WARNING"))] == [
        "WARNING: uncollected async future a",
        "<a.log>",
        "WARNING: uncollected async future b",
        "<b.log>",
        "WARNING: uncollected futures have failed: a; `doit log a` shows why",
    ]
    assert run.futures.table.uncollected() == []


def test_cleanup_of_a_run_that_has_failed_does_not_warn_of_what_was_stopped(run: Closing) -> None:
    run.start("a", 143)
    run.soon(lambda: setattr(run.futures, "is_closed", True))
    run.close_task(CLEANUP)
    assert "WARNING: uncollected async future a" in run.log.lines
    assert not run.context.warnings


def test_strict_cleanup_fails_for_failed_futures(tmp_path: Path) -> None:
    run = Closing(tmp_path, strict=True)
    for name, rc in (("a", 3), ("b", 0), ("c", 1)):
        run.start(name, rc)
    with pytest.raises(StepError, match=r"have failed: a, c \(ASYNC_STRICT is set\)"):
        run.close_task(CLEANUP)
    assert run.futures.table.uncollected() == []
    run.close()


def test_service_check_shows_each_death_and_fails(run: Closing) -> None:
    run.close_task(SERVICE_CHECK)
    assert run.log.lines == []
    run.dead = {"a": "service a does not run", "b": "service b does not run"}
    with pytest.raises(StepError, match="services have died: a, b; the ends of their logs"):
        run.close_task(SERVICE_CHECK)
    assert run.log.lines == ["ERROR: service a does not run", "ERROR: service b does not run"]


def test_timing_is_that_of_the_journal_with_a_last_sample(run: Closing) -> None:
    for event in (runs.run_start(0.0), runs.step(1.0, "work"), runs.step_end(2.0, "work")):
        assert isinstance(event, RunStart | StepStart | StepEnd)
        run.context.journal.write(event)
    run.close_task(TIMING)
    assert run.samples == 1
    assert run.log.lines[0] == ""
    assert run.log.lines[1].startswith("DevStack")


def test_closing_tasks_that_are_left_run_once_each_even_after_a_failure() -> None:
    ran: list[str] = []

    def close(name: str) -> None:
        ran.append(name)
        if name == SERVICE_CHECK:
            raise StepError("services have died")

    pending = PendingTasks(close)
    pending.run(CLEANUP)
    assert not pending.run_rest()
    assert ran == [CLEANUP, SERVICE_CHECK, TIMING]
    assert pending.run_rest(), "nothing is left"
