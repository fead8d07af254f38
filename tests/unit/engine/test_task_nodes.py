"""doit's nodes of the tasks that the scheduler has."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from doit.task import Task

from doitstack.engine.task_nodes import TaskNodes
from doitstack.phases import Phase
from doitstack.planning.doit_tasks import step_task
from doitstack.planning.plan import PlannedStep
from doitstack.scheduling.scheduler import TaskState
from doitstack.steps import run
from tests.unit.fake_run import FakeRun

STEP = PlannedStep(1, Phase.INSTALL, "p", "stack:install:p:a", run(print, name="a"))


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeRun]:
    made = FakeRun(tmp_path)
    yield made
    made.close()


def test_new_tasks_are_scheduled_with_their_needs_once(fake: FakeRun) -> None:
    nodes = TaskNodes(fake.context)
    first, second = Task("first", None), Task("second", None)
    nodes.add([first, second], lambda task: ["first"] if task is second else [])
    nodes.add([second], lambda _: [])
    scheduler = fake.context.scheduler
    assert scheduler.task("second").needs == ("first",)
    due = scheduler.next_due()
    assert due
    assert (due.name, scheduler.state("second")) == ("first", TaskState.WAITING)
    assert nodes["first"].task is first
    assert "other" not in nodes


def test_steps_are_those_of_tasks_of_the_plan(fake: FakeRun) -> None:
    nodes = TaskNodes(fake.context)
    nodes.add([Task("mine", None), step_task(STEP)], lambda _: [])
    assert nodes.steps == [STEP]
    assert nodes.step_of(STEP.task) is STEP
    assert nodes.step_of("mine") is None
    assert nodes.step_of("other") is None
