"""doit's tasks and their ends, translated for the scheduler."""

import pytest
from doit.task import Task

from doitstack.engine.scheduled_task import end_state, scheduled_task
from doitstack.phases import Phase
from doitstack.planning.doit_tasks import plan_tasks
from doitstack.planning.plan import Declared, make_plan
from doitstack.planning.plugin import Plugin
from doitstack.scheduling import scheduler as scheduling
from doitstack.scheduling.scheduler import TaskState
from doitstack.steps import Step, async_run, async_wait, run


def act(stack: object) -> None:
    """Stand for an action."""


def scheduled(*steps: Step, parallel: bool = True) -> list[scheduling.Task]:
    plan = make_plan([Declared(Phase.INSTALL, Plugin("demo", ""), steps)])
    tasks = [task for task in plan_tasks("stack", plan) if task.name.count(":") > 1]
    return [scheduled_task(task, ["need"], lambda _: 7.0, parallel=parallel) for task in tasks]


def test_each_kind_of_step_has_its_kind_of_task() -> None:
    tasks = scheduled(run(act, name="one"), async_run("a", act), async_wait("a"))
    kinds = scheduling.TaskKind
    assert [task.kind for task in tasks] == [kinds.STEP, kinds.FUTURE, kinds.WAIT]
    assert {(task.needs, task.rank) for task in tasks} == {(("need",), 7.0)}


def test_future_counts_if_it_is_awaited() -> None:
    tasks = scheduled(async_run("a", act), async_run("b", act), async_wait("a"))
    assert [task.counts for task in tasks] == [True, False, True]


@pytest.mark.parametrize(("parallel", "lock"), [(True, "apt"), (False, "")])
def test_lock_matters_only_in_a_parallel_run(*, parallel: bool, lock: str) -> None:
    (task,) = scheduled(async_run("a", act, lock="apt"), parallel=parallel)
    assert task.lock == lock


def test_task_without_a_step_has_only_its_needs() -> None:
    task = scheduled_task(Task("mine", None), ["need"], lambda _: 7.0, parallel=True)
    assert task == scheduling.Task("mine", needs=("need",))


@pytest.mark.parametrize(
    ("run_status", "tears_down", "state"),
    [
        ("successful", False, TaskState.DONE),
        ("up-to-date", False, TaskState.SKIPPED),
        ("ignore", False, TaskState.SKIPPED),
        ("failure", False, TaskState.FAILED),
        ("failure", True, TaskState.DONE),
    ],
)
def test_state_follows_from_the_status(
    *, run_status: str, tears_down: bool, state: TaskState
) -> None:
    assert end_state(run_status, tears_down=tears_down) is state
