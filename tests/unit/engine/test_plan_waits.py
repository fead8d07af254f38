"""The waits of a plan, with futures that start and end by hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from doitstack.engine.plan_waits import PlanWaits
from doitstack.errors import FutureError
from doitstack.futures.registry import FutureRegistry
from doitstack.phases import Phase
from doitstack.planning.plan import Declared, PlannedStep, make_plan
from doitstack.planning.plugin import Plugin
from doitstack.planning.possible_futures import FutureNames
from doitstack.scheduling.scheduler import Task, TaskKind, TaskState
from doitstack.steps import async_run, async_wait
from tests.unit.fake_run import FakeRun

UNKNOWN = "Not waiting for async task {} that we never started or has already been waited for"


def act(stack: object) -> None:
    """Stand for an action."""


class Waits(FakeRun):
    """A plan with the futures `a` and `b`, and a wait for both and for `other`."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.futures = FutureRegistry(self.context)
        steps = (async_run("a", act), async_run("b", act), async_wait("a", "b", "other"))
        others = FutureNames(frozenset({"other"}))
        plan = make_plan([Declared(Phase.INSTALL, Plugin("p", ""), steps)], lambda: others)
        self.steps = {planned.task: planned for planned in plan.steps}
        kinds = (TaskKind.FUTURE, TaskKind.FUTURE, TaskKind.WAIT)
        for planned, kind in zip(plan.steps, kinds, strict=True):
            self.context.scheduler.add(Task(planned.task, kind, planned.needs))
        self.wait = plan.steps[-1]
        self.waits = PlanWaits(self.futures.collector, self.context.scheduler, self.steps.get)

        self.futures.starter.on_due = self._due

    def _due(self, task: Task) -> None:
        planned = self.steps[task.name]
        if not planned.is_future:
            self.context.scheduler.queue(task.name)
            return
        name = planned.step.name
        future = self.futures.declare(name, f"do {name}", task=task.name, rank=0.0)
        self.futures.start_when_possible(future, lambda: self.futures.runs(future, 7, 1.0))

    def end(self, name: str, rc: int = 0) -> None:
        future = self.futures.table.find(name)
        assert future
        self.record_end(name, rc)
        self.futures.ended(future, rc)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Waits]:
    made = Waits(tmp_path)
    yield made
    made.close()


def test_wait_begins_when_the_main_line_reaches_it(run: Waits) -> None:
    reached = run.waits.reached()
    assert reached is run.wait
    run.futures.pump()
    for name in ("a", "b"):
        run.end(name)
    assert run.log.lines.count("<a.log>") == 1
    run.waits.run(run.wait)
    assert UNKNOWN.format("other") in run.log.lines


def test_futures_are_collected_in_the_order_of_the_wait(run: Waits) -> None:
    run.waits.reached()
    run.futures.pump()
    run.end("b")
    assert "<b.log>" not in run.log.lines
    run.end("a")
    assert [line for line in run.log.lines if line.startswith("<")] == ["<a.log>", "<b.log>"]


def test_failed_future_ends_the_wait_before_its_turn(run: Waits) -> None:
    run.waits.reached()
    run.futures.pump()
    failed = run.futures.table.find("b")
    assert failed
    run.end("b", 4)
    run.waits.show_failure(failed)
    with pytest.raises(FutureError, match="a b other: failed with rc 4; its log is above"):
        run.waits.run(run.wait)
    assert "<a.log>" not in run.log.lines


def test_failure_of_an_unawaited_future_is_collected_alone(run: Waits) -> None:
    other = run.futures.declare("c", "do c")
    run.futures.start_when_possible(other, lambda: run.futures.runs(other, 8, 1.0))
    run.futures.pump()
    run.end("c", 2)
    run.waits.show_failure(other)
    assert "<c.log>" in run.log.lines
    assert run.futures.table.find("a")


def test_future_that_is_up_to_date_is_not_missed(run: Waits) -> None:
    names = {planned.step.name: planned for planned in run.steps.values()}
    for name in ("a", "b"):
        run.waits.skip(names[name])
        run.context.scheduler.next_due()
        run.context.scheduler.ended(names[name].task, TaskState.SKIPPED)
    run.waits.skip(run.wait)
    run.waits.run(run.wait)
    assert run.log.lines == [UNKNOWN.format("other")]


def test_step_of_no_plan_is_no_wait(run: Waits) -> None:
    def no_step(task: str) -> PlannedStep | None:
        return None

    assert PlanWaits(run.futures.collector, run.context.scheduler, no_step).reached() is None
