"""Drop-ins of `extras.d` are found and loaded."""

import os
from pathlib import Path
from textwrap import dedent

import pytest

from doitstack.planning.drop_ins import is_reserved
from tests.unit.planning.drop_ins import SERVICE, drop_in, enabling, find, refusal


def test_drop_ins_are_in_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("80-b.sh", "09-z.py", "80-a.py", "50-c.sh", "x.py", "7-d.py", "60-e.txt", "61-e~"):
        drop_in(tmp_path, "", name)

    found = find(tmp_path)

    assert [plugin.name for plugin in found] == ["z", "c", "a", "b"]
    assert found[1].origin == str(tmp_path / "extras.d" / "50-c.sh")
    assert [is_reserved(Path("extras.d", name)) for name in ("09-z.py", "50-c.sh", "99-x.sh")] == [
        True, False, True
    ]  # fmt: skip


def test_object_of_a_drop_in_is_a_plugin(tmp_path: Path) -> None:
    drop_in(tmp_path, SERVICE)
    (plugin,) = find(tmp_path)
    assert tuple(plugin.hooks) == ("stack_install", "unstack", "tasks")
    assert [step.args for step in plugin.steps("stack_install", stack=enabling("key"))] == [
        ("install",)
    ]


def test_hooks_of_both_a_drop_in_and_its_object_are_refused(tmp_path: Path) -> None:
    path = drop_in(tmp_path, dedent(SERVICE) + "@hookimpl\ndef clean(stack): ...\n")
    assert refusal(tmp_path) == (
        f"plugin demo: {path}: both the module and its `plugin` have hooks; keep those of one"
    )


def test_object_called_plugin_without_hooks_is_no_plugin(tmp_path: Path) -> None:
    drop_in(tmp_path, "plugin = 'x'\n@hookimpl\ndef clean(stack): ...\n")
    assert tuple(find(tmp_path)[0].hooks) == ("clean",)


@pytest.mark.parametrize("name", ["50-demo.py", "50-demo.sh"])
def test_fifo_is_refused(tmp_path: Path, name: str) -> None:
    path = drop_in(tmp_path, "", name)
    path.unlink()
    os.mkfifo(path)
    assert refusal(tmp_path) == f"plugin demo: {path} is a FIFO: reading it would never end"


def test_step_that_is_made_outside_of_a_hook_is_refused(tmp_path: Path) -> None:
    path = drop_in(tmp_path, 'run(print, name="lost")\n')
    assert refusal(tmp_path) == (
        f"plugin demo: {path}:3: run(lost) is outside of a hook; yield it in one"
    )


def test_steps_that_a_hook_can_yield_are_made_anywhere(tmp_path: Path) -> None:
    text = """
        STEPS = [run(print, name="a")]

        @hookimpl
        def stack_extra(stack, step=run(print, name="b")):
            yield from STEPS
    """
    drop_in(tmp_path, text)
    assert [plugin.name for plugin in find(tmp_path)] == ["demo"]
