"""Find hooks that a later function of the same name replaces, so that they are never called."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from doitstack.planning.plugin import HOOKS


def repeated_hooks(paths: Sequence[Path]) -> Iterator[str]:
    """Yield a message with file and line for each hook of Python files that is replaced."""
    for path in paths:
        text = path.read_text(encoding="utf-8", errors="replace")
        if any(text.count(f"def {hook}(") > 1 for hook in HOOKS):
            for first, second in _repetitions(ast.parse(text)):
                yield (
                    f"{path}:{second.lineno}: {second.name} is defined twice, and the function of "
                    f"line {first.lineno} would never be called; merge the two"
                )


def _repetitions(tree: ast.AST) -> Iterator[tuple[ast.FunctionDef, ast.FunctionDef]]:
    """Yield each hook, and the function that replaces it in the same module or class."""
    for holder in ast.walk(tree):
        if isinstance(holder, (ast.Module, ast.ClassDef)):
            functions = [one for one in holder.body if isinstance(one, ast.FunctionDef)]
            for place, first in enumerate(functions):
                same = [one for one in functions[place + 1 :] if one.name == first.name]
                if same and first.name in HOOKS and any(map(_is_mark, first.decorator_list)):
                    yield first, same[0]


def _is_mark(decorator: ast.expr) -> bool:
    """Return whether a decorator is `hookimpl`, however it is imported, with or without options."""
    name = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(name).rpartition(".")[2] == "hookimpl"
