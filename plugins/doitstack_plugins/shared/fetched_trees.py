"""The source trees that a run fetches, and the futures that do so."""

from collections.abc import Iterator
from pathlib import Path

from doitstack import Stack
from doitstack.source_trees import SERVICES, SourceTree, libs_from_git
from doitstack_plugins.shared.constraints import constraints


def futures(stack: Stack, *projects: str) -> list[str]:
    """Return the futures that fetch the trees of `projects`, by default of all, and of libraries.

    Each installation waits for them: any environment may use a library.
    """
    wanted = projects or SERVICES
    trees = fetched_trees(stack)
    return [future(tree) for tree in trees if tree.project in wanted or not _is_service(tree)]


def fetched_trees(stack: Stack) -> Iterator[SourceTree]:
    """Yield the trees that are fetched if they are missing; not those that merely lie there."""
    pinned = _pinned_packages(stack)
    for tree in stack.trees:
        if _is_service(tree):
            is_used = stack.is_service_enabled(tree.project)
        else:
            is_used = not pinned or tree.package in pinned
        if is_used and tree.is_asked_for:
            yield tree


def future(tree: SourceTree) -> str:
    """Return the name of the future that fetches a tree."""
    return f"fetch_{tree.project}"


def _pinned_packages(stack: Stack) -> frozenset[str]:
    """Return the packages that environments may have if LIBS_FROM_GIT names all; else none."""
    path = Path(constraints(stack.settings))
    if "ALL" not in libs_from_git(stack.settings) or not path.is_file():
        return frozenset()
    from doitstack.editable_installs import pinned_versions  # noqa: PLC0415 - seldom

    return frozenset(pinned_versions(path.read_text(encoding="utf-8")))


def _is_service(tree: SourceTree) -> bool:
    return tree.project in SERVICES
