"""Priorities of planned steps, and of futures that a step starts."""

from doitstack.futures.priorities import Order
from doitstack.phases import Phase
from doitstack.planning.plan import PlannedStep
from doitstack.steps import Kind, Step


def step(task: str, *needs: str) -> PlannedStep:
    """A step of the main line is written in capitals, a future is not."""
    kind = Kind.RUN if task.isupper() else Kind.ASYNC_RUN
    return PlannedStep(0, Phase.INSTALL, "demo", f"stack:{task}", Step(kind, task), names(needs))


def names(tasks: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"stack:{task}" for task in tasks)


def test_future_is_known_by_its_name_and_a_step_by_its_task() -> None:
    order = Order({"a": 2, "stack:a": 9, "B": 9, "stack:B": 3})
    order.plan([step("a"), step("B")])
    assert [order.of_step(step("a")), order.of_step(step("B"))] == [2, 3]


def test_step_that_the_plan_does_not_have_is_not_urgent() -> None:
    order = Order({"stack:A": 2})
    order.plan([step("A", "source")])
    assert [order.of_step(step("A")), order.of_step(step("source"))] == [2, 0]


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
