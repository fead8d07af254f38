"""What the journal has of each step."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from doitstack.engine.step_journal import StepJournal
from doitstack.phases import Phase
from doitstack.planning.plan import Declared, make_plan
from doitstack.planning.plugin import Plugin
from doitstack.steps import run
from tests.unit.fake_run import FakeRun

NAMES = ("one", "two", "three")
PLAN = make_plan(
    [Declared(Phase.INSTALL, Plugin("demo", ""), [run(print, name=name) for name in NAMES])]
)
ONE, TWO, THREE = PLAN.steps


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeRun]:
    made = FakeRun(tmp_path)
    yield made
    made.close()


@pytest.fixture
def steps(fake: FakeRun) -> StepJournal:
    return StepJournal(fake.context.journal, fake.context.log)


def test_success_and_failure_of_a_step_are_recorded(fake: FakeRun, steps: StepJournal) -> None:
    with steps.running(ONE) as end:
        end.succeed()
    with steps.running(TWO) as end:
        end.fail("no luck", "a")
    ends = [event for event in fake.events if event["event"] == "step_end"]
    assert [(event["task"], event["status"], event["error"]) for event in ends] == [
        (ONE.task, "done", None),
        (TWO.task, "failed", "no luck"),
    ]
    assert ends[1]["future"] == "a"


def test_step_that_is_left_was_stopped(fake: FakeRun, steps: StepJournal) -> None:
    with pytest.raises(KeyboardInterrupt), steps.running(ONE):
        raise KeyboardInterrupt
    assert [event.get("status") for event in fake.events] == [None, "stopped"]


def test_steps_without_a_turn_have_not_run(fake: FakeRun, steps: StepJournal) -> None:
    steps.skip(ONE)
    steps.start_future(TWO)
    steps.not_run(PLAN.steps)
    assert [(event["event"], event["task"]) for event in fake.events] == [
        ("step_skipped", ONE.task),
        ("step_start", TWO.task),
        ("step_not_run", THREE.task),
    ]
