"""A plan as doit's tasks."""

from doit.task import Stream, Task

from doitstack.phases import Phase
from doitstack.planning.doit_tasks import (
    offered_task,
    plan_tasks,
    planned_step,
    stack_tasks,
    step_task,
)
from doitstack.planning.plan import Declared, Plan, make_plan
from doitstack.planning.plugin import Plugin
from doitstack.steps import async_run, async_wait, run, shell


def act(stack: object, *arguments: object) -> None:
    """Stand for an action."""


def _plan() -> Plan:
    return make_plan(
        [
            Declared(Phase.PRE_INSTALL, Plugin("key", ""), [run(act, 1), run(shell("greet you"))]),
            Declared(
                Phase.INSTALL,
                Plugin("key", ""),
                [async_run("a", act), async_run("b", ["make", "-j2"], wait=["a"], targets=["x"])],
            ),
            Declared(Phase.INSTALL, Plugin("demo", ""), [async_wait("b")]),
        ]
    )


def _facts(tasks: list[Task]) -> list[tuple[str, str | None, list[str]]]:
    return [(task.name, task.doc, list(task.task_dep)) for task in tasks]


def test_tasks_of_a_stack() -> None:
    pre, install = "stack:pre-install:key", "stack:install"
    wait = f"{install}:demo:async_wait-b"
    assert _facts(list(stack_tasks(_plan(), doc="stand up"))) == [
        (
            "stack",
            "stand up",
            [f"{pre}:act", f"{pre}:greet", f"{install}:key:a", f"{install}:key:b", wait,
             "stack:pre-install", "stack:install",
             "async_cleanup", "service_check", "async_timing"],
        ),
        (f"{pre}:act", "act 1", []),
        (f"{pre}:greet", "greet you", [f"{pre}:act"]),
        (f"{install}:key:a", "async_run act", [f"{pre}:greet"]),
        (f"{install}:key:b", "async_run make -j2 after a", [f"{pre}:greet", f"{install}:key:a"]),
        (wait, "async_wait b", [f"{pre}:greet", f"{install}:key:b"]),
        ("stack:pre-install", "", [f"{pre}:act", f"{pre}:greet"]),
        ("stack:install", "", [f"{install}:key:a", f"{install}:key:b", wait]),
        ("async_cleanup", "collect the futures that nothing has waited for", [wait]),
        ("service_check", "check that no service has died", ["async_cleanup"]),
        ("async_timing", "show the times of the run, and the time that futures saved",
         ["service_check"]),
    ]  # fmt: skip


def test_task_keeps_its_step_and_doits_arguments() -> None:
    tasks = {task.name: task for task in plan_tasks("stack", _plan())}
    task = tasks["stack:install:key:b"]
    planned = planned_step(task)
    assert planned
    assert planned.step.name == "b"
    assert task.targets == ["x"]
    assert task.subtask_of == "stack"
    assert planned_step(tasks["stack"]) is None


def test_group_of_one_phase_is_not_listed_twice() -> None:
    plan = make_plan([Declared(Phase.UNSTACK, Plugin("key", ""), [run(act)])])
    assert _facts(list(plan_tasks("unstack", plan, doc="stop"))) == [
        ("unstack", "stop", ["unstack:key:act"]),
        ("unstack:key:act", "act", []),
    ]


def test_task_of_a_step_does_nothing_by_itself() -> None:
    task = step_task(_plan().steps[0])
    failure = task.execute(Stream(0))
    assert failure is not None
    assert "steps run in a run only" in str(failure)


def test_offered_task_takes_arguments() -> None:
    task = offered_task(Plugin("tempest", ""), run(["stestr", "run"], name="tempest"))
    assert (task.name, task.doc, task.task_dep, task.pos_arg) == (
        "tempest", "stestr run", ["source"], "arguments"
    )  # fmt: skip
