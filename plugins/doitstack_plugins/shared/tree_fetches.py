"""Fetch the source trees that the settings ask for and that are not there.

They are cloned by `git_clone` of the bash library, each in a future of its own. With
TREES_FROM_SDIST, they are made from the source distributions of the pinned versions instead, as are
those that only scripts ask for.
"""

import shlex
from collections.abc import Iterable, Iterator
from functools import partial

from doitstack import Settings, Stack, Step, async_run, async_wait, hookimpl, shell
from doitstack.source_trees import FROM_SDIST, SourceTree, prefix_of
from doitstack.uptodate import Unchanged
from doitstack_plugins.shared import fetched_trees

_AT_ONCE = 4
"""The most trees that are fetched at once: of fifty connections at once, hosts reset some."""

checked_settings = {FROM_SDIST: Settings.is_true, "RECLONE": Settings.is_true}


@hookimpl
def stack_install(stack: Stack) -> Iterator[Step]:
    """Fetch the trees, each in the background."""
    for number, tree in enumerate(fetched_trees.fetched_trees(stack)):
        name, lock = fetched_trees.future(tree), f"fetch-{number % _AT_ONCE}"
        good = [partial(is_fetched, stack, tree), Unchanged(partial(_origin, tree))]
        if tree.is_from_sdist:
            yield async_run(name, unpack_sdist, tree, lock=lock, uptodate=good)
        else:
            words = (prefix_of(tree.project), tree.repository, str(tree.directory), tree.ref)
            fetch = shell(f"_fetch_tree {shlex.join(words)}")
            yield async_run(name, fetch, lock=lock, uptodate=good)
    # Scripts use them in this phase.
    yield from _wait_for(tree for tree in fetched_trees.fetched_trees(stack) if tree.is_of_scripts)


@hookimpl
def stack_post_config(stack: Stack) -> Iterator[Step]:
    """Collect the others."""
    trees = fetched_trees.fetched_trees(stack)
    yield from _wait_for(tree for tree in trees if not tree.is_of_scripts)


def _wait_for(trees: Iterable[SourceTree]) -> Iterator[Step]:
    if names := [fetched_trees.future(tree) for tree in trees]:
        yield async_wait(*names)


def unpack_sdist(stack: Stack, tree: SourceTree) -> None:
    """Make a tree from the source distribution of the pinned version."""
    from doitstack_plugins.shared import sdists  # noqa: PLC0415 - most stacks have no trees

    sdists.unpack(stack, tree)


def is_fetched(stack: Stack, tree: SourceTree) -> bool:
    """Return whether a tree is there and is not to be updated."""
    return tree.is_there and not stack.settings.is_true("RECLONE")


def _origin(tree: SourceTree) -> str:
    return f"{tree.repository} {tree.ref}"
