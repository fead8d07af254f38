"""Which trees are fetched, and what waits for that."""

from pathlib import Path

import pytest

from doitstack import Stack
from doitstack_plugins.shared import fetched_trees
from doitstack_plugins.shared.fetched_trees import futures
from tests.unit.recorded_actions import make_stack
from tests.unit.source_repository import write_project


def names(stack: Stack) -> list[str]:
    return [tree.project for tree in fetched_trees.fetched_trees(stack)]


def test_nothing_is_fetched_by_default(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    write_project(stack.dest / "keystone")
    assert names(stack) == futures(stack) == []


def test_services_are_fetched_if_they_are_enabled(tmp_path: Path) -> None:
    libraries = "keystone,nova,oslo.log"
    stack = make_stack(tmp_path, ENABLED_SERVICES="key", LIBS_FROM_GIT=libraries)
    assert names(stack) == ["keystone", "oslo.log"]


def test_installation_waits_for_its_tree_and_for_libraries(tmp_path: Path) -> None:
    libraries = "keystone,nova,oslo.log"
    stack = make_stack(tmp_path, ENABLED_SERVICES="key,n-api", LIBS_FROM_GIT=libraries)
    assert futures(stack, "nova") == ["fetch_nova", "fetch_oslo.log"]
    assert futures(stack, "tides") == ["fetch_oslo.log"]
    assert futures(stack) == ["fetch_keystone", "fetch_nova", "fetch_oslo.log"]


@pytest.mark.parametrize(("pins", "fetched"), [("oslo.log==1\n", ["oslo.log"]), ("", ["oslo.log"])])
def test_all_libraries_are_those_of_the_constraints(
    tmp_path: Path, pins: str, fetched: list[str]
) -> None:
    (tmp_path / "pins.txt").write_text(pins)
    own = {"LIBS_FROM_GIT": "ALL", "UPPER_CONSTRAINTS_FILE": "pins.txt", "ENABLED_SERVICES": "key"}
    found = names(make_stack(tmp_path, **own))
    assert found[0] == "keystone"
    assert (found[1:] == fetched) == bool(pins)
