"""The steps that run doit on other hosts."""

from pathlib import Path

from doitstack.phases import Phase
from doitstack.planning.stack_directory import StackDirectory
from doitstack.steps import DoitOnHost


def directory(top: Path, hosts: str) -> StackDirectory:
    return StackDirectory(top, {"ENABLED_SERVICES": ",", "HOSTS": hosts})


def test_stacks_of_other_hosts_begin_first_and_are_waited_for_in_extra(tmp_path: Path) -> None:
    first, second, last = directory(tmp_path, "one,two").plan().steps
    assert first.task == "stack:pre-install:hosts:stack@one"
    assert first.step.action == DoitOnHost("one", "stack")
    assert first.step.is_elsewhere
    assert first.needs == second.needs == ()
    assert last.task == "stack:extra:hosts:async_wait-stack@one-stack@two"
    assert last.step.waits == ("stack@one", "stack@two")


def test_teardown_reaches_each_host_whatever_happens_to_another(tmp_path: Path) -> None:
    stack = directory(tmp_path, "one,two")
    for phase, command in ((Phase.UNSTACK, "unstack"), (Phase.CLEAN, "clean")):
        steps = [planned.step for planned in stack.plan([phase]).steps if planned.plugin == "hosts"]
        assert [step.name for step in steps] == [
            *(f"{command}@one", f"{command}@two"),
            *(f"async_wait-{command}@one", f"async_wait-{command}@two"),
        ]


def test_stack_of_one_host_has_no_such_steps(tmp_path: Path) -> None:
    assert directory(tmp_path, "").plan().steps == ()
