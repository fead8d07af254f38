"""From a plan to doit's tasks. Every step is one task, whose action the runner performs itself."""

from collections.abc import Iterator
from typing import Any, NoReturn

from doit.task import Task, dict_to_task

from doitstack.phases import Phase
from doitstack.planning.plan import Plan, PlannedStep
from doitstack.planning.plugin import Plugin
from doitstack.steps import Kind, Step
from doitstack.uptodate import unless_failed

CLEANUP = "async_cleanup"
SERVICE_CHECK = "service_check"
TIMING = "async_timing"
BUILT_IN = (CLEANUP, SERVICE_CHECK, TIMING)
"""The tasks that end `doit stack`, on success, failure and Ctrl-C alike."""

META = "doitstack"
"""The key of a task's `meta` under which its PlannedStep is found."""


def planned_step(task: Task) -> PlannedStep | None:
    """Return the step that a task stands for, or None for a task that is not of the plan."""
    planned = (task.meta or {}).get(META)
    return planned if isinstance(planned, PlannedStep) else None


def step_task(planned: PlannedStep) -> Task:
    """Return the task of one step."""
    group, _, _ = planned.task.partition(":")
    task = dict_to_task(
        {
            "name": planned.task,
            "actions": [run_by_the_runner],
            "task_dep": list(planned.needs),
            "doc": _describe(planned),
            "meta": {META: planned},
            "io": {"capture": False},
            **_attributes(planned.step),
        }
    )
    task.subtask_of = group
    return task


def _attributes(step: Step) -> dict[str, Any]:
    """Return doit's attributes of a step; one that may be up to date must have succeeded."""
    if "uptodate" not in step.doit:
        return step.doit
    return {**step.doit, "uptodate": [*step.doit["uptodate"], unless_failed]}


def run_by_the_runner() -> NoReturn:
    """Stand for the action of a step, which the runner runs itself."""
    raise AssertionError("steps run in a run only")


def _describe(planned: PlannedStep) -> str:
    step = planned.step
    if step.kind is Kind.ASYNC_WAIT:
        return f"async_wait {' '.join(step.waits)}"
    after = f" after {' '.join(step.waits)}" if step.waits else ""
    return f"{'async_run ' if planned.is_future else ''}{step.command}{after}"


def plan_tasks(name: str, plan: Plan, *, doc: str = "") -> Iterator[Task]:
    """Yield the tasks of a plan below the group `name`, and a group for each of its phases."""
    steps = [step_task(planned) for planned in plan.steps]
    phases: dict[Phase, list[str]] = {}
    for planned in plan.steps:
        phases.setdefault(planned.phase, []).append(planned.task)
    groups = [_group(phase.task, names, of=name) for phase, names in phases.items()]
    parts = [task.name for task in steps] + [task.name for task in groups if task.name != name]
    yield _group(name, parts, doc=doc)
    yield from steps
    yield from (task for task in groups if task.name != name)


def stack_tasks(plan: Plan, *, doc: str = "") -> Iterator[Task]:
    """Yield the tasks of `doit stack`, with the built-in ones at their end."""
    tasks = list(plan_tasks("stack", plan, doc=doc))
    tasks[0].task_dep += BUILT_IN
    yield from tasks
    last = [planned.task for planned in plan.steps if not planned.is_future][-1:]
    yield _built_in(CLEANUP, last, "collect the futures that nothing has waited for")
    yield _built_in(SERVICE_CHECK, [CLEANUP], "check that no service has died")
    yield _built_in(
        TIMING, [SERVICE_CHECK], "show the times of the run, and the time that futures saved"
    )


def _built_in(name: str, after: list[str], doc: str) -> Task:
    return dict_to_task(
        {"name": name, "actions": [run_by_the_runner], "task_dep": after, "doc": doc}
    )


def empty_phase(name: str) -> Task | None:
    """Return the group of a phase in which nothing is to be done, if `name` is that of a phase."""
    group = name.partition(":")[0]
    return _group(name, [], of=group) if name in {phase.task for phase in Phase} else None


def _group(name: str, parts: list[str], *, of: str = "", doc: str = "") -> Task:
    task = dict_to_task({"name": name, "actions": None, "task_dep": parts, "doc": doc or None})
    task.has_subtask = True
    task.subtask_of = of or None
    return task


def offered_task(plugin: Plugin, step: Step) -> Task:
    """Return the task of a step that a plugin offers to be run by name."""
    planned = PlannedStep(0, Phase.TEST_CONFIG, plugin.name, step.name, step)
    return dict_to_task(
        {
            "name": step.name,
            "actions": [run_by_the_runner],
            "task_dep": ["source"],
            "doc": step.command,
            "meta": {META: planned},
            "io": {"capture": False},
            "pos_arg": "arguments",
            **_attributes(step),
        }
    )
