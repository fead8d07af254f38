"""The ranks of steps and futures. (The longest chains are tested with the scheduler.)"""

from doitstack.futures.priorities import Priorities
from doitstack.phases import Phase
from doitstack.planning.plan import PlannedStep
from doitstack.steps import Kind, Step


def step(task: str, *needs: str) -> PlannedStep:
    """A step of the main line is written in capitals, a future is not."""
    kind = Kind.RUN if task.isupper() else Kind.ASYNC_RUN
    wanted = tuple(f"stack:{need}" for need in needs)
    return PlannedStep(0, Phase.INSTALL, "demo", f"stack:{task}", Step(kind, task), wanted)


def test_chain_adds_up_from_its_end() -> None:
    chain = [step("A"), step("b", "A"), step("C", "b")]
    priorities = Priorities({"stack:A": 1, "b": 2, "stack:C": 4})
    priorities.plan(chain)
    assert [priorities.of_step(one) for one in chain] == [7, 6, 4]


def test_duration_of_a_future_is_by_name_and_of_a_step_by_task() -> None:
    priorities = Priorities({"a": 2, "stack:a": 9, "B": 9, "stack:B": 3})
    priorities.plan([step("a"), step("B")])
    assert [priorities.of_step(step("a")), priorities.of_step(step("B"))] == [2, 3]


def test_later_plan_is_added_to_the_first() -> None:
    priorities = Priorities({"stack:A": 1, "stack:B": 2})
    priorities.plan([step("A")])
    priorities.plan([step("B", "A")])
    assert [priorities.of_step(step("A")), priorities.of_step(step("B"))] == [1, 2]


def test_without_history_all_are_equal() -> None:
    priorities = Priorities({})
    priorities.plan([step("A"), step("b", "A")])
    assert priorities.of_step(step("A")) == priorities.of_step(step("b")) == 0
    assert priorities.of_future("x") == 0


def test_future_that_a_step_starts_has_after_it_what_the_step_has() -> None:
    priorities = Priorities({"stack:A": 3, "stack:B": 5, "x": 2})
    priorities.plan([step("A"), step("B", "A")])
    priorities.step_begins(step("A"))
    assert priorities.of_future("x") == 2 + 5
    assert priorities.of_future("new") == 5
    priorities.step_begins(step("B", "A"))
    assert priorities.of_future("x") == 2
