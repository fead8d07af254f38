"""Actions that cannot be called are found without calling them."""

from collections.abc import Callable, Iterator
from functools import partial, wraps
from typing import Any

import pytest

from doitstack.planning.action_signatures import action_mistake
from doitstack.steps import run, shell


def nothing() -> None: ...


def one(stack: object) -> None: ...


def two(stack: object, name: str) -> None: ...


def keyword(stack: object, *, name: str) -> None: ...


def generator(stack: object) -> Iterator[int]:
    yield 1


async def coroutine(stack: object) -> None: ...


@wraps(generator)
def decorated(*args: object) -> object:
    return generator(*args)


class Method:
    def method(self, stack: object) -> None: ...

    def __call__(self) -> None: ...


class NeedsTwo:
    def __init__(self, stack: object, name: str) -> None: ...


def _place(function: Callable[..., Any]) -> str:
    return f"{__file__}:{function.__code__.co_firstlineno}"


MISTAKES = [
    (nothing, (), f"{_place(nothing)}: nothing() takes no stack; an action is called with the "
     "stack and its arguments"),
    (two, (), f"{_place(two)}: two(stack: object, name: str) cannot be called with the stack: "
     "missing a required argument: 'name'"),
    (one, (1,), f"{_place(one)}: one(stack: object) cannot be called with the stack and "
     "1 argument: too many positional arguments"),
    (partial(one, 2), (), f"{_place(one)}: one() takes no stack; an action is called with the "
     "stack and its arguments"),
    (keyword, (), f"{_place(keyword)}: keyword(stack: object, *, name: str) cannot be called with "
     "the stack: missing a required argument: 'name'"),
    (Method(), (), f"{_place(Method.__call__)}: Method() takes no stack; an action is called with "
     "the stack and its arguments"),
    (generator, (), f"{_place(generator)}: generator contains yield: a call would not run its "
     "body"),
    (decorated, (), f"{_place(generator)}: generator contains yield: a call would not run its "
     "body"),
    (coroutine, (), f"{_place(coroutine)}: coroutine is async: a call would not run its body"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "arguments", "mistake"), MISTAKES)
def test_action_that_cannot_be_called_is_described_with_its_place(
    action: Callable[..., Any], arguments: tuple[object, ...], mistake: str
) -> None:
    assert action_mistake(run(action, *arguments)) == mistake


@pytest.mark.parametrize(
    ("action", "arguments"),
    [
        (one, ()),
        (two, ("a",)),
        (partial(two, name="a"), ()),
        (partial(keyword, name="a"), ()),
        (Method().method, ()),
        (NeedsTwo, ("a",)),
        (print, (1, 2)),
        (dict, ()),
        (lambda *_: None, ()),
        (["make"], ()),
        (shell("make"), ()),
    ],
)
def test_other_actions_have_no_mistake(action: Any, arguments: tuple[object, ...]) -> None:
    assert action_mistake(run(action, *arguments)) == ""


def test_action_may_need_words_of_the_command_line() -> None:
    assert action_mistake(run(two), takes_words=True) == ""
    assert action_mistake(run(one, 1), takes_words=True).endswith("too many positional arguments")
