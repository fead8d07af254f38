"""What tasks need, as it becomes known."""

from collections.abc import Iterator
from typing import Any

import pytest
from doit.control import TaskControl
from doit.exceptions import InvalidCommand, InvalidDodoFile, InvalidTask
from doit.task import DelayedLoader, Task

from doitstack.engine.task_graph import TaskGraph


def graph(*tasks: Task) -> TaskGraph:
    return TaskGraph(TaskControl(list(tasks)))


def names(tasks: list[Task]) -> list[str]:
    return [task.name for task in tasks]


def test_each_task_comes_after_its_needs_else_in_the_given_order() -> None:
    made = graph(
        Task("a", None, task_dep=["c", "b"]),
        Task("b", None),
        Task("c", None, task_dep=["d"]),
        Task("d", None),
        Task("e", None),
    )
    assert names(made.wanted(["e", "a", "b"])) == ["e", "d", "c", "b", "a"]


def test_long_chain_is_no_recursion() -> None:
    chain = [Task(f"t{number}", None, task_dep=[f"t{number + 1}"]) for number in range(3000)]
    assert len(graph(*chain, Task("t3000", None)).wanted(["t0"])) == 3001


def test_cycle_is_named() -> None:
    made = graph(Task("a", None, task_dep=["b"]), Task("b", None, task_dep=["c"]), Task("c", None))
    made.tasks["c"].task_dep.append("b")
    with pytest.raises(InvalidDodoFile, match=r"\[b -> c -> b\]"):
        made.wanted(["a"])


def test_need_that_does_not_exist_is_refused() -> None:
    made = graph(Task("a", None))
    made.tasks["a"].task_dep.append("gone")
    with pytest.raises(InvalidTask, match="'gone' does not exist"):
        made.wanted(["a"])


def test_setup_tasks_are_needed_once_the_task_is_sure_to_run() -> None:
    made = graph(Task("a", None, setup=["s"], task_dep=["b"]), Task("b", None), Task("s", None))
    task = made.tasks["a"]
    assert made.needs(task) == ["b"]
    assert made.learn_setup(task)
    assert made.needs(task) == ["b", "s"]
    assert not made.learn_setup(made.tasks["b"])


def test_calculated_dependencies_bring_the_tasks_that_make_files() -> None:
    made = graph(
        Task("a", None, calc_dep=["find"]),
        Task("find", None),
        Task("make", None, targets=["file"]),
        Task("other", None),
    )
    task = made.tasks["a"]
    assert made.needs(task) == ["find"]
    made.tasks["find"].values = {"task_dep": ["other"], "file_dep": ["file"]}
    assert made.learn_calculated(task)
    assert sorted(made.needs(task)) == ["make", "other"]
    assert not made.learn_calculated(task), "there is nothing more"


def test_replaced_tasks_take_their_targets_with_them() -> None:
    made = graph(
        Task("stack", None, task_dep=["stack:old"]),
        Task("stack:old", None, targets=["file"]),
        Task("mine", None, file_dep=["new"]),
    )
    made.replace(
        lambda name: name.startswith("stack"),
        [Task("stack", None), Task("stack:new", None, targets=["file", "new"])],
    )
    assert list(made.tasks) == ["mine", "stack", "stack:new"]
    assert made.needs(made.tasks["mine"]) == ["stack:new"]


def test_selection_must_be_there_but_a_phase_may_be_empty() -> None:
    made = graph(Task("a", None))
    made.check(["a", "stack:extra"])
    assert made.tasks["stack:extra"].task_dep == []
    with pytest.raises(InvalidCommand):
        made.check(["stack:extra:demo:work"])


def test_isolated_tasks_need_nothing_but_each_other() -> None:
    made = graph(
        Task("group", None, task_dep=["group:a", "group:b"], has_subtask=True),
        Task("group:a", None, task_dep=["before"]),
        Task("group:b", None, task_dep=["before", "group:a"]),
        Task("before", None),
        Task("alone", None, task_dep=["before"]),
    )
    made.isolate(["group", "alone"])
    needs = {name: made.tasks[name].task_dep for name in ("group", "group:a", "group:b", "alone")}
    assert needs == {
        "group": ["group:a", "group:b"],
        "group:a": [],
        "group:b": ["group:a"],
        "alone": [],
    }


def late(name: str, *created: str) -> Task:
    def creator() -> Iterator[dict[str, Any]]:
        for each in created:
            yield {"name": each, "actions": None}

    return Task(name, None, loader=DelayedLoader(creator))


def test_late_task_is_created_with_its_parts() -> None:
    made = graph(late("later", "x", "y"))
    task = made.tasks["later"]
    assert made.is_late(task)
    real = made.create(task)
    assert not made.is_late(real)
    assert made.needs(real) == ["later:x", "later:y"]
    assert list(made.tasks) == ["later", "later:x", "later:y"]


def test_late_part_that_is_not_created_is_refused() -> None:
    control = TaskControl([late("later", "x")])
    control.process(["later:x", "later:z"])
    made = TaskGraph(control)
    assert made.create(made.tasks["later:x"]).name == "later:x"
    with pytest.raises(InvalidCommand):
        made.create(made.tasks["later:z"])
