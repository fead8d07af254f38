"""Several tasks on one command line."""

import os
import sys

import pytest

from doitstack.cli.task_sequence import (
    first_of_sequence,
    kind_of,
    run_rest,
    tail_from,
    with_equal_signs,
    without_arguments,
)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("stack", "stack"), ("stack:install:x:y", "stack"), ("_clean", "clean"), ("tempest", "")],
)
def test_kinds_of_tasks(name: str, kind: str) -> None:
    assert kind_of(name) == kind


@pytest.mark.parametrize(
    ("names", "first"),
    [
        ("", ""),
        ("stack", "stack"),
        ("unstack stack", "unstack"),
        ("stack:install stack:extra unstack", "stack:install stack:extra"),
        ("stack tempest", "stack"),
        ("tempest stack unstack", "tempest stack unstack"),
        ("mine other", "mine other"),
        ("mine stack tempest", "mine"),
        ("source stack", "source"),
    ],
)
def test_names_of_one_kind_run_together(names: str, first: str) -> None:
    together, rest = first_of_sequence(names.split(), lambda name: name == "tempest")
    assert together == first.split()
    assert together + rest == names.split()


def test_arguments_of_a_task_are_no_tasks() -> None:
    names = ["unstack", "stack", "tempest", "stack", "x"]
    assert without_arguments(names, lambda name: name == "tempest") == names[:3]
    assert without_arguments(names, lambda name: False) == names


def test_rest_keeps_words_with_equal_signs() -> None:
    words = ["--console", "quiet", "stack", "tempest", "(?=.*smoke)", "x"]
    assert tail_from(["stack"], ["tempest", "x"], words) == ["tempest", "(?=.*smoke)", "x"]
    assert tail_from(["stack"], ["tempest"], []) == ["tempest"]


@pytest.mark.parametrize(
    ("selected", "line", "expected"),
    [
        ("tempest b", "x=1 tempest a=1 b --console=quiet c=2", "tempest a=1 b c=2"),
        ("mine", "mine x=1", "mine"),
        ("tempest", "", "tempest"),
    ],
)
def test_arguments_may_have_equal_signs(selected: str, line: str, expected: str) -> None:
    assert with_equal_signs(selected.split(), {"tempest"}, line.split()) == expected.split()


def test_rest_replaces_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    monkeypatch.setattr(sys, "argv", ["/bin/doit", "unstack", "stack"])
    monkeypatch.setattr(sys, "orig_argv", ["python", "/bin/doit", "unstack", "stack"])
    monkeypatch.setattr(os, "execv", lambda *words: started.append(words))
    run_rest(["--process=2", "stack"])
    assert started == [
        (sys.executable, [sys.executable, "/bin/doit", "--process=2", "stack"]),
    ]
