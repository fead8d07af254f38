"""Tasks that a command line selects."""

from pathlib import Path

import pytest
from doit.control import TaskControl
from doit.exceptions import InvalidCommand
from doit.task import Task

from doitstack.cli.task_selection import forget_dependencies, refuse_unknown
from doitstack.planning.stack_directory import StackDirectory


@pytest.fixture
def directory(tmp_path: Path) -> StackDirectory:
    (tmp_path / "extras.d").mkdir()
    (tmp_path / "extras.d" / "50-demo.sh").write_text("")
    return StackDirectory(tmp_path, {"ENABLED_SERVICES": ","})


@pytest.mark.parametrize(
    "name",
    ["stack", "stack:install", "stack:install:demo:50-demo.sh", "unstack:demo:50-demo.sh", "other"],
)
def test_known_tasks_are_accepted(directory: StackDirectory, name: str) -> None:
    refuse_unknown(directory, [name])


@pytest.mark.parametrize("name", ["stack:instal", "stack:install:demo", "unstack:nobody:x"])
def test_step_that_no_plan_has_is_refused(directory: StackDirectory, name: str) -> None:
    with pytest.raises(InvalidCommand):
        refuse_unknown(directory, ["stack", name])


def test_single_tasks_lose_their_dependencies() -> None:
    group = Task("group", None, task_dep=["group:a"], has_subtask=True)
    part = Task("group:a", None, task_dep=["before"], subtask_of="group")
    alone = Task("alone", None, task_dep=["before"])
    control = TaskControl([Task("before", None), group, part, alone])
    control.process(["group", "alone"])

    forget_dependencies(control)

    assert (group.task_dep, part.task_dep, alone.task_dep) == (["group:a"], [], [])
