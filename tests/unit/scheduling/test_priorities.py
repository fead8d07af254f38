"""The longest chain of work that begins with each task, worked out by hand."""

import graphlib

import pytest

from doitstack.scheduling.priorities import remaining_paths


def test_chain_adds_up_from_its_end() -> None:
    chain = {"a": [], "b": ["a"], "c": ["b"]}
    assert remaining_paths(chain, {"a": 1, "b": 2, "c": 4}) == {"a": 7, "b": 6, "c": 4}


def test_longer_of_two_branches_counts() -> None:
    # a -> x (5) -> c (1);  a -> y (2) -> d (10) after c
    needs = {"a": [], "x": ["a"], "y": ["a"], "c": ["a", "x"], "d": ["c", "y"]}
    seconds = {"a": 1, "x": 5, "y": 2, "c": 1, "d": 10}
    expected = {"a": 17, "x": 16, "y": 12, "c": 11, "d": 10}
    assert remaining_paths(needs, seconds) == expected


def test_task_may_need_one_that_is_declared_after_it() -> None:
    needs = {"b": ["a"], "a": [], "c": ["b"]}
    assert remaining_paths(needs, {"a": 3, "b": 2, "c": 1}) == {"a": 6, "b": 3, "c": 1}


def test_task_of_unknown_length_takes_no_time() -> None:
    needs = {"a": [], "b": ["a"], "c": ["b"]}
    assert remaining_paths(needs, {"c": 2}) == {"a": 2, "b": 2, "c": 2}


def test_need_that_is_no_task_is_ignored() -> None:
    assert remaining_paths({"a": ["source"]}, {"a": 1}) == {"a": 1}


def test_circle_is_an_error() -> None:
    with pytest.raises(graphlib.CycleError):
        remaining_paths({"a": ["b"], "b": ["a"]}, {})
