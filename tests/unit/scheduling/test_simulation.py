"""The scheduler's promises on random plans, and the simulation itself by hand.

A failing seed is named in the error. `PLAN_SEED=N pytest tests/unit/scheduling` runs that seed
alone, and `PLANS=N` in all so many random plans.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from doitstack.scheduling.priorities import remaining_paths
from doitstack.scheduling.scheduler import Scheduler, Task, TaskKind, TaskState
from doitstack.scheduling.simulation import CountedSlots, Simulation, Span, makespan
from tests.unit.scheduling.random_plans import Plan, Witness, plain_plan, random_plan

PLANS = int(os.environ.get("PLANS", "10000")) // 10
"""Random plans in each of ten blocks."""


def each_seed(block: int, check: Callable[[int], object]) -> None:
    """Call `check` with each seed of a block, and name the one that fails."""
    seeds: Iterable[int] = range(block * PLANS, (block + 1) * PLANS)
    if chosen := os.environ.get("PLAN_SEED"):
        seeds = [int(chosen)]
    for seed in seeds:
        try:
            check(seed)
        except Exception as error:
            raise AssertionError(
                f"seed {seed}: {error!r}; replay it by PLAN_SEED={seed}"
            ) from error


def witnessed(plan: Plan) -> Witness:
    witness = Witness(plan)
    witness.run()
    return witness


@pytest.mark.parametrize("block", range(6))
def test_promises(block: int) -> None:
    each_seed(block, lambda seed: witnessed(random_plan(seed)))


def test_random_plans_have_all_that_can_happen() -> None:
    seen: Counter[str] = Counter()
    for seed in range(500):
        plan = random_plan(seed)
        witness = witnessed(plan)
        hows = [span.how.name for span in witness.simulation.spans.values()]
        seen.update(hows)
        names = [task.name for task in plan.tasks]
        for task in plan.tasks:
            later = [need for need in task.needs if names.index(need) > names.index(task.name)]
            seen["waits for a later one"] += bool(later)
        started = witness.simulation.started
        seen["started by a step"] += any(name in started for name in plan.starts)
        seen["interrupted"] += witness.is_interrupted
        seen["failed check"] += any(
            task.is_check and plan.ends.get(task.name) is TaskState.FAILED and task.name in started
            for task in plan.tasks
        )
        seen["serial"] += plan.serial
        seen["keeps going"] += plan.keep_going and "FAILED" in hows
    wanted = ["DONE", "SKIPPED", "FAILED", "STOPPED", "NOT_RUN", "serial", "interrupted"]
    wanted += ["waits for a later one", "started by a step", "failed check", "keeps going"]
    assert all(seen[what] >= 5 for what in wanted), seen


@pytest.mark.parametrize("block", range(2))
def test_serial_order_and_makespan_of_plain_plans(block: int) -> None:
    def check(seed: int) -> None:
        plan = plain_plan(seed)
        check_serial_order(plan)
        check_makespan(plan)

    each_seed(block, check)


def check_serial_order(plan: Plan) -> None:
    """Check that a serial run has the order of the plan."""
    run = witnessed(replace(plan, serial=True)).simulation
    assert list(run.started) == [task.name for task in plan.tasks]


def check_makespan(plan: Plan) -> float:
    """Check the time that a plan takes, and return its ratio to what no order could beat."""
    needs = {task.name: task.needs for task in plan.tasks}
    path = max(remaining_paths(needs, plan.seconds).values(), default=0.0)
    beside = sum(plan.seconds[task.name] for task in plan.tasks if task.kind is TaskKind.FUTURE)
    share = beside / plan.jobs
    lower_bound = max(path, share, sum(plan.seconds.values()) - beside)
    seconds = witnessed(plan).simulation.now
    assert lower_bound - 1e-9 <= seconds <= path + share + 1e-9
    return seconds / lower_bound if lower_bound else 1.0


def test_failing_seed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLAN_SEED", raising=False)

    def fail(seed: int) -> None:
        assert seed != 3, "broken"

    with pytest.raises(AssertionError, match=r"seed 3: .*broken.* replay it by PLAN_SEED=3"):
        each_seed(0, fail)
    monkeypatch.setenv("PLAN_SEED", "4")
    each_seed(0, fail)


# -- the simulation, by hand -----------------------------------------------------------------------


def simulation(*tasks: Task, jobs: int = 0, **seconds: float) -> Simulation:
    scheduler = Scheduler(CountedSlots(jobs))
    scheduler.add(*tasks)
    return Simulation(scheduler, seconds)


def test_futures_run_next_to_the_main_line() -> None:
    run = simulation(Task("f", TaskKind.FUTURE), Task("a"), Task("b", needs=("a",)), f=5, a=2, b=2)
    assert run.run() == 5
    assert run.spans == {
        "a": Span(0, 2, TaskState.DONE),
        "b": Span(2, 4, TaskState.DONE),
        "f": Span(0, 5, TaskState.DONE),
    }


def test_interrupt_stops_what_runs_and_starts_nothing_more() -> None:
    run = simulation(Task("f", TaskKind.FUTURE), Task("a"), Task("b", needs=("a",)), f=5, a=2, b=2)
    assert run.run(interrupt_at=1.5) == 1.5
    assert run.spans == {
        "f": Span(0, 1.5, TaskState.STOPPED),
        "a": Span(0, 1.5, TaskState.STOPPED),
    }
    assert run.scheduler.state("b") is TaskState.NOT_RUN


def test_what_is_up_to_date_takes_no_time_and_no_slot() -> None:
    scheduler = Scheduler(CountedSlots(1))
    scheduler.add(
        Task("f", TaskKind.FUTURE), Task("g", TaskKind.FUTURE), Task("w", TaskKind.WAIT, ("f", "g"))
    )
    run = Simulation(scheduler, {"f": 9, "g": 4}, ends={"f": TaskState.SKIPPED})
    assert run.run() == 4
    assert run.spans["f"] == Span(0, 0, TaskState.SKIPPED)


def test_step_may_start_futures() -> None:
    scheduler = Scheduler(CountedSlots(1))
    scheduler.add(Task("a"))
    late = [Task(name, TaskKind.FUTURE, counts=False, is_nested=True) for name in ("f", "g")]
    run = Simulation(scheduler, {"a": 1, "f": 2, "g": 3}, starts={"a": tuple(late)})
    assert run.run() == 5


def test_makespan_by_the_number_of_slots() -> None:
    tasks = [Task(name, TaskKind.FUTURE) for name in "abc"]
    seconds = dict.fromkeys("abc", 4.0)
    assert makespan(tasks, seconds) == 4
    assert makespan(tasks, seconds, jobs=2) == 8
    assert makespan(tasks, seconds, jobs=1) == 12
