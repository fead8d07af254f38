"""Mutates the scheduler in each place once, and prints the mutants that the tests do not catch.

A mutant is caught if a test of test_scheduler.py or a random plan fails with it, or does not end.
Each runs in a forked child. From the root: `python -m tests.unit.scheduling.mutants`, and with a
number after it, for example 10, only so many mutants, spread over the whole scheduler.
"""

import ast
import contextlib
import copy
import importlib
import inspect
import io
import itertools
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from doitstack.scheduling import scheduler

PLANS = 300
CPU_SECONDS = 2
"""The CPU time for a mutant (s); the unchanged scheduler needs a third of it at most."""

MODULE = scheduler.__name__
USERS = [
    "doitstack.scheduling.simulation",
    "tests.unit.scheduling.random_plans",
    "tests.unit.scheduling.test_scheduler",
]
OPPOSITES: dict[type[ast.AST], type[ast.AST]] = {
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}

Change = Callable[[], None]


def mutant(source: str, number: int) -> tuple[str, ast.Module]:
    """Return the mutant of that number with a line that describes it."""
    tree = ast.parse(source)
    function, what, where, mutate = list(_changes(tree))[number]
    first_line = ast.unparse(where).splitlines()[0]
    mutate()
    return f"{function}: {what}: {first_line}", ast.fix_missing_locations(tree)


def _changes(tree: ast.Module) -> Iterator[tuple[str, str, ast.AST, Change]]:
    """Yield what can be changed in the bodies of functions, after the function's name."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            nodes = itertools.chain.from_iterable(map(ast.walk, function.body))
            changes = itertools.chain(*map(_changes_of, nodes), _deletions(function))
            yield from ((function.name, *change) for change in changes)


def _changes_of(node: ast.AST) -> Iterator[tuple[str, ast.AST, Change]]:
    match node:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            negated = ast.UnaryOp(ast.Not(), copy.deepcopy(test))
            yield "negated", test, lambda: setattr(node, "test", negated)
        case ast.Compare(ops=[operator]) if type(operator) in OPPOSITES:
            yield "turned", node, lambda: setattr(node, "ops", [OPPOSITES[type(operator)]()])
        case ast.BoolOp(op=operator) | ast.BinOp(op=operator) if type(operator) in OPPOSITES:
            yield "turned", node, lambda: setattr(node, "op", OPPOSITES[type(operator)]())
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield "without its sign", node, lambda: setattr(node, "op", ast.UAdd())


def _deletions(function: ast.FunctionDef) -> Iterator[tuple[str, ast.AST, Change]]:
    for block in _blocks(function):
        for place, statement in enumerate(block):
            is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            is_local = isinstance(statement, ast.Assign) and isinstance(
                statement.targets[0], ast.Name
            )
            is_last = ast.unparse(statement) == "return None"
            is_block = isinstance(statement, ast.If | ast.While)
            if not (is_text or is_local or is_last or is_block):
                yield "deleted", statement, _deletion(block, place)


def _deletion(block: list[ast.stmt], place: int) -> Change:
    return lambda: block.__setitem__(place, ast.Pass())


def _blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for child in ast.walk(node):
        for name in ("body", "orelse"):
            block = getattr(child, name, None)
            if isinstance(block, list):
                yield block


def is_caught(tree: ast.Module) -> bool:
    """Return whether the tests fail with this mutant; runs them in a child."""
    pid = os.fork()
    if not pid:
        # The status of one that never ends is that of the signal.
        signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                _run_tests(tree)
        except BaseException:  # whatever it is, the mutant is caught
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] != 0


def _run_tests(tree: ast.Module) -> None:
    module = ModuleType(MODULE)
    sys.modules[MODULE] = module
    exec(compile(tree, str(scheduler.__file__), "exec"), module.__dict__)
    for name in USERS:
        sys.modules.pop(name, None)
    _, plans, rules = map(importlib.import_module, USERS)
    for test, arguments in _tests(rules):
        test(*arguments)
    for seed in range(PLANS):
        plans.Witness(plans.random_plan(seed)).run()


def _tests(module: ModuleType) -> Iterator[tuple[Callable[..., None], tuple[Any, ...]]]:
    """Yield the tests of a module with their arguments, of one parameter at most."""
    for name, test in inspect.getmembers(module, inspect.isfunction):
        if name.startswith("test_"):
            marks = getattr(test, "pytestmark", [])
            values = [value for mark in marks for value in mark.args[1]]
            yield from ((test, (value,)) for value in values)
            if not marks:
                yield test, ()


def main(most: int | None = None) -> None:
    source = Path(scheduler.__file__).read_text()
    assert not is_caught(ast.parse(source)), "the tests fail without a change"
    number_of_all = len(list(_changes(ast.parse(source))))
    tried = min(most or number_of_all, number_of_all)
    for place in range(tried):
        what, tree = mutant(source, place * number_of_all // tried)
        if not is_caught(tree):
            print(f"not caught: {what}")
    print(f"{tried} tried")


if __name__ == "__main__":
    for name in USERS:
        # What they import is imported once, before the forks.
        importlib.import_module(name)
    main(*map(int, sys.argv[1:]))
