"""Several tasks on one command line: they run in the order given, each as if it stood alone."""

import os
import sys
from collections.abc import Callable, Sequence

from doitstack.phases import SETTINGS_PHASES
from doitstack.planning.loaded_directory import CLEAN

ALONE = ("stack", "unstack", "clean")
"""Tasks that never run together with others: each begins with settings of its own."""

SETTINGS = tuple(phase.task for phase in SETTINGS_PHASES)


def kind_of(name: str) -> str:
    """Return which of ALONE a task belongs to; "" for any other task."""
    if name == CLEAN:
        return "clean"
    first = name.partition(":")[0]
    return first if first in ALONE else ""


def first_of_sequence(
    names: Sequence[str], takes_arguments: Callable[[str], bool]
) -> tuple[list[str], list[str]]:
    """Return the names that run together, and those that run after them.

    The words after a task that `takes_arguments` are its arguments.
    """
    for position, name in enumerate(names[1:], start=1):
        before = names[position - 1]
        if not kind_of(before) and before not in SETTINGS and takes_arguments(before):
            break
        if kind_of(name) != kind_of(names[0]):
            return list(names[:position]), list(names[position:])
    return list(names), []


def without_arguments(
    names: Sequence[str], takes_arguments: Callable[[str], bool]
) -> Sequence[str]:
    """Return the names up to the first task that takes the words after it as its arguments."""
    for position, name in enumerate(names, start=1):
        if not kind_of(name) and name not in SETTINGS and takes_arguments(name):
            return names[:position]
    return names


def run_rest(words: Sequence[str]) -> None:
    """Replace this process by `doit WORDS`, in the same directory."""
    sys.stdout.flush()
    sys.stderr.flush()
    program = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv) + 1]
    os.execv(sys.executable, [sys.executable, *program, *words])  # noqa: S606 - no shell


def tail_from(names: Sequence[str], rest: Sequence[str], words: Sequence[str]) -> list[str]:
    """Return the `words` of a command line from the first name of `rest` on, which follows `names`.

    They contain what doit took for its variables, as it has a `=`.
    """
    missing = [*names, rest[0]]
    for position, word in enumerate(words):
        if word == missing[0]:
            del missing[0]
            if not missing:
                return list(words[position:])
    return list(rest)


def with_equal_signs(selected: Sequence[str], takers: set[str], words: Sequence[str]) -> list[str]:
    """Return `selected` with the arguments that doit took for its variables, as they have a `=`.

    Only the words after a task of `takers` are arguments; `words` is the whole command line.
    """
    taker = next((name for name in selected if name in takers), None)
    if taker is None or taker not in words:
        return list(selected)
    position = list(selected).index(taker) + 1
    left = list(selected[position:])
    arguments = []
    for word in words[list(words).index(taker) + 1 :]:
        if left and word == left[0]:
            arguments.append(left.pop(0))
        elif "=" in word and not word.startswith("-"):
            arguments.append(word)
    return list(selected) if left else [*selected[:position], *arguments]
