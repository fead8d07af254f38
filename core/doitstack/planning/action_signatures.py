"""Check that a step's action can be called as it will be. Calls nothing."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from doitstack.steps import Step, callable_name


def action_mistake(step: Step, *, takes_words: bool = False) -> str:
    """Return why the action of `step` cannot be called, with its file and line, or nothing.

    An action that `takes_words` is also called with words of the command line.
    """
    if not callable(step.action):
        return ""
    return _body_mistake(step.action) or call_mistake(
        step.action, *step.args, takes_words=takes_words
    )


def call_mistake(action: Callable[..., Any], *arguments: object, takes_words: bool = False) -> str:
    """Return why `action` cannot be called with the stack and `arguments`, or nothing."""
    try:
        signature = inspect.signature(action)
    except (TypeError, ValueError):
        # Some functions in C have none.
        return ""
    bind = signature.bind_partial if takes_words else signature.bind
    try:
        bind("stack", *arguments)
    except TypeError as error:
        return _described(action, signature, error, len(arguments))
    return ""


def _described(
    action: Callable[..., Any], signature: inspect.Signature, error: TypeError, count: int
) -> str:
    shown = signature.replace(return_annotation=signature.empty)
    name = f"{place_of_definition(action)}: {callable_name(action)}{shown}"
    if not signature.parameters:
        return f"{name} takes no stack; an action is called with the stack and its arguments"
    more = f" and {count} argument{'s' * (count != 1)}" if count else ""
    return f"{name} cannot be called with the stack{more}: {error}"


def _body_mistake(action: Callable[..., Any]) -> str:
    function = _function_of(action)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        how = "contains yield"
    elif inspect.iscoroutinefunction(function):
        how = "is async"
    else:
        return ""
    place = place_of_definition(action)
    return f"{place}: {callable_name(action)} {how}: a call would not run its body"


def _function_of(action: Callable[..., Any]) -> Any:
    """Return the function that partials, methods, decorators or callable objects call."""
    while isinstance(action, partial):
        action = action.func
    if inspect.isclass(action):
        return action.__init__
    is_function = inspect.isroutine(action)
    return inspect.unwrap(action if is_function else type(action).__call__)


def place_of_definition(action: Callable[..., Any]) -> str:
    """Return `FILE:LINE` of the definition of a callable, or its module if it is not in Python."""
    function = _function_of(action)
    code = getattr(function, "__code__", None)
    if code is None:
        return str(getattr(function, "__module__", None) or "builtins")
    return f"{code.co_filename}:{code.co_firstlineno}"
