"""A hook that another of its name replaces is found."""

from pathlib import Path

import pytest

from tests.unit.planning.drop_ins import drop_in, find, refusal

MODULE = """
    @hookimpl
    def stack_install(stack): ...

    @hookimpl
    def stack_extra(stack): ...

    @hookimpl
    def stack_install(stack): ...
"""
CLASS = """
    import doitstack
    class Demo:
        @doitstack.hookimpl(tryfirst=True)
        def unstack(self, stack): ...
        @hookimpl
        def unstack(self, stack): ...
    plugin = Demo()
"""


@pytest.mark.parametrize(
    ("text", "hook", "first", "second"),
    [(MODULE, "stack_install", 5, 11), (CLASS, "unstack", 7, 9)],
)
def test_hook_that_is_replaced_is_refused(
    tmp_path: Path, text: str, hook: str, first: int, second: int
) -> None:
    path = drop_in(tmp_path, text)
    assert refusal(tmp_path) == (
        f"plugin demo: {path}:{second}: {hook} is defined twice, and the function of "
        f"line {first} would never be called; merge the two"
    )


@pytest.mark.parametrize(
    "text",
    [
        # What an author may mean: a choice, two classes, a helper that is no hook.
        "if True:\n    @hookimpl\n    def clean(stack): ...\n"
        "else:\n    @hookimpl\n    def clean(stack): ...\n",
        "class A:\n    @hookimpl\n    def clean(self, stack): ...\n"
        "class B:\n    @hookimpl\n    def clean(self, stack): ...\n",
        "def clean(): ...\ntidy = clean\n@hookimpl\ndef clean(stack): ...\n",
        "@hookimpl\ndef stack_extra(stack): ...\ndef helper(a): ...\ndef helper(b): ...\n",
    ],
)
def test_names_that_replace_no_hook_are_fine(tmp_path: Path, text: str) -> None:
    drop_in(tmp_path, text)
    assert len(find(tmp_path)) == 1
