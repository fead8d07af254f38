"""The longest chain of work behind each step, worked out by hand."""

from doitstack.futures.priorities import Order, remaining_paths
from doitstack.phases import Phase
from doitstack.planning.plan import PlannedStep
from doitstack.steps import Kind, Step


def step(task: str, *needs: str) -> PlannedStep:
    """A step of the main line is written in capitals, a future is not."""
    kind = Kind.RUN if task.isupper() else Kind.ASYNC_RUN
    return PlannedStep(0, Phase.INSTALL, "demo", f"stack:{task}", Step(kind, task), names(needs))


def names(tasks: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"stack:{task}" for task in tasks)


def paths(steps: list[PlannedStep], **seconds: float) -> dict[str, float]:
    durations = {f"stack:{n}" if n.isupper() else n: time for n, time in seconds.items()}
    found = remaining_paths(steps, durations)
    return {task.removeprefix("stack:"): length for task, length in found.items()}


def test_chain_adds_up_from_its_end() -> None:
    chain = [step("A"), step("B", "A"), step("C", "B")]
    assert paths(chain, A=1, B=2, C=4) == {"A": 7, "B": 6, "C": 4}


def test_longer_of_two_branches_counts() -> None:
    # A -> x (5) -> C (1);  A -> y (2) -> D (10) after C
    steps = [step("A"), step("x", "A"), step("y", "A"), step("C", "A", "x"), step("D", "C", "y")]
    assert paths(steps, A=1, x=5, y=2, C=1, D=10) == {"A": 17, "x": 16, "y": 12, "C": 11, "D": 10}


def test_future_may_wait_for_one_that_is_declared_behind_it() -> None:
    steps = [step("b", "a"), step("a"), step("C", "b")]
    assert paths(steps, a=3, b=2, C=1) == {"a": 6, "b": 3, "C": 1}


def test_future_is_known_by_its_name_and_a_step_by_its_task() -> None:
    found = remaining_paths([step("a"), step("B")], {"a": 2, "stack:a": 9, "B": 9, "stack:B": 3})
    assert found == {"stack:a": 2, "stack:B": 3}


def test_what_is_not_known_counts_as_nothing() -> None:
    steps = [step("A"), step("b", "A"), step("C", "b")]
    assert paths(steps, C=2) == {"A": 2, "b": 2, "C": 2}


def test_task_outside_of_the_plan_is_no_need() -> None:
    assert paths([step("A", "source")], A=1) == {"A": 1}


def test_without_history_all_are_equal() -> None:
    order = Order({})
    order.plan([step("A"), step("b", "A")])
    assert [order.of_step(step("A")), order.of_step(step("b")), order.of_future("x")] == [0, 0, 0]


def test_future_that_a_step_starts_has_behind_it_what_the_step_has() -> None:
    order = Order({"stack:A": 3, "stack:B": 5, "x": 2})
    order.plan([step("A"), step("B", "A")])
    order.step_begins(step("A"))
    assert order.of_future("x") == 2 + 5
    assert order.of_future("new") == 5
    order.step_begins(step("B", "A"))
    assert order.of_future("x") == 2
