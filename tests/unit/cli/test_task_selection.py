"""Tasks that a command line selects."""

import pytest
from doit.control import TaskControl
from doit.exceptions import InvalidCommand
from doit.task import DelayedLoader, Task

from doitstack.cli.task_selection import empty_phases, refuse_late_targets


def test_target_of_a_task_that_is_created_late_is_refused() -> None:
    late = Task("late", None, loader=DelayedLoader(lambda: None, target_regex=r".*\.txt"))
    control = TaskControl([Task("first", None), late])
    control.process(["first", "out:1.txt"])
    with pytest.raises(InvalidCommand, match=r"out:1\.txt is no task, .*; use the name"):
        refuse_late_targets(control.selected_tasks)


def test_tasks_are_not_refused() -> None:
    refuse_late_targets(["stack", "stack:install:demo:work"])


def test_selected_phase_in_which_nothing_is_done_is_an_empty_group() -> None:
    tasks = [Task("stack", None), Task("stack:install", None)]
    names = ["stack", "stack:install", "stack:extra", "stack:extra", "stack:instal", "other"]
    (group,) = empty_phases(names, tasks)
    assert (group.name, group.subtask_of, group.task_dep) == ("stack:extra", "stack", [])
