"""The steps that fetch source trees."""

from pathlib import Path

import pytest

from doitstack import Stack
from doitstack.source_trees import ask_for_trees_of_scripts
from doitstack.steps import Kind, Shell, Step
from doitstack_plugins.shared import sdists, tree_fetches
from tests.unit.recorded_actions import make_stack
from tests.unit.source_repository import write_project


def steps(stack: Stack) -> list[Step]:
    hooks = (tree_fetches.stack_install, tree_fetches.stack_post_config)
    return [step for hook in hooks for step in hook(stack)]


def test_stack_without_trees_has_no_steps(tmp_path: Path) -> None:
    assert steps(make_stack(tmp_path)) == []


def test_tree_is_cloned_by_the_session(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, KEYSTONE_BRANCH="stable/x", KEYSTONE_DIR="/srv/a b")
    fetch, wait = steps(stack)
    assert (fetch.name, fetch.kind) == ("fetch_keystone", Kind.ASYNC_RUN)
    repository = "https://opendev.org/openstack/keystone.git"
    assert fetch.action == Shell(f"_fetch_tree KEYSTONE {repository} '/srv/a b' stable/x")
    assert wait.waits == ("fetch_keystone",)


def test_tree_is_made_of_a_source_distribution_if_so_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_stack(tmp_path, LIBS_FROM_GIT="keystone", TREES_FROM_SDIST="True")
    fetch, _ = steps(stack)
    made: list[object] = []
    monkeypatch.setattr(sdists, "unpack", lambda stack, tree: made.append(tree))
    assert callable(fetch.action)
    fetch.action(stack, *fetch.args)
    assert [str(tree) for tree in made] == ["keystone"]
    assert fetch.command == "unpack_sdist keystone"


def test_tree_that_scripts_name_is_there_when_they_run(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, ENABLED_SERVICES="key,n-api", LIBS_FROM_GIT="keystone")
    ask_for_trees_of_scripts(stack.settings, ("cd $DEST/nova; cd $KEYSTONE_DIR",))
    of_install = {step.name: step for step in tree_fetches.stack_install(stack)}
    assert of_install["fetch_nova"].command == "unpack_sdist nova"
    assert [step.waits for step in of_install.values() if step.kind is Kind.ASYNC_WAIT] == [
        ("fetch_nova",)
    ]
    (wait,) = tree_fetches.stack_post_config(stack)
    assert wait.waits == ("fetch_keystone",)


def test_tree_that_is_there_is_fetched_again_with_reclone(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, LIBS_FROM_GIT="keystone")
    (tree,) = stack.trees
    assert not tree_fetches.is_fetched(stack, tree)
    write_project(tree.directory)
    assert tree_fetches.is_fetched(stack, tree)
    stack.settings.update({"RECLONE": "True"})
    assert not tree_fetches.is_fetched(stack, tree)


@pytest.mark.parametrize("from_sdist", ["True", "False"])
def test_few_trees_are_fetched_at_once(tmp_path: Path, from_sdist: str) -> None:
    stack = make_stack(tmp_path, LIBS_FROM_GIT="ALL", TREES_FROM_SDIST=from_sdist)
    fetches = [step for step in tree_fetches.stack_install(stack) if step.kind is Kind.ASYNC_RUN]
    assert len(fetches) > 40
    assert len({step.lock for step in fetches} - {""}) == 4
    assert all(step.lock for step in fetches)
