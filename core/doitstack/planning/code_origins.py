"""Where the code of the services is from: a wheel and its version, or a source tree and its state.

A plugin says which environments its services run from, by a function `environments(stack)`. The
first requirement of an environment is the project that it is made for.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from doitstack.planning.plugin import Plugin
from doitstack.source_trees import SourceTree, normalised
from doitstack.stack import Stack
from doitstack.tree_state import TreeState
from doitstack.venvs import Environment

_HASH = 9
"""Characters of a commit's hash that are shown."""

_MOST_NAMES = 3
"""The changed files that are shown by name."""


class CodeOrigin(NamedTuple):
    """Where the code of a project in an environment is from.

    project: the name of the project, or of the package if it is no project of DevStack.
    version: the version of the wheel; empty if it comes from a tree.
    tree, state: the tree and what is in it; None if it is not there yet.
    """

    plugin: str
    environment: Environment
    project: str
    version: str = ""
    tree: SourceTree | None = None
    state: TreeState | None = None

    @property
    def text(self) -> str:
        """The origin in one line."""
        if not self.tree:
            return f"wheel {self.version}".strip()
        where = f"tree {_short(self.tree.directory)}"
        if not self.state:
            return f"{where}, not there yet: {self._to_be_fetched(self.tree)}"
        return f"{where}{_described(self.state)}"

    @property
    def brief(self) -> str:
        """The origin in a few words."""
        if not self.tree or not self.state:
            return self.text
        changed = f" +{len(self.state.changed)}" if self.state.changed else ""
        words = ("tree", self.state.branch, self.state.head[:_HASH])
        return " ".join(filter(None, words)) + changed

    def _to_be_fetched(self, tree: SourceTree) -> str:
        if tree.is_from_sdist:
            return f"the source distribution of {_version(self.environment, tree.package)}"
        return f"{tree.repository} at {tree.ref}"

    def as_json(self) -> dict[str, Any]:
        """Return the origin for programs."""
        return {
            "project": self.project,
            "from": "tree" if self.tree else "wheel",
            "version": self.version or None,
            "directory": str(self.tree.directory) if self.tree else None,
            "branch": self.state.branch or None if self.state else None,
            "head": self.state.head or None if self.state else None,
            "changed": list(self.state.changed) if self.state else [],
        }


def code_origins(plugins: Iterable[Plugin], stack: Stack) -> list[CodeOrigin]:
    """Return the origins of the code of all plugins that take part in the stack.

    Raises StepError if git cannot read a tree, PluginError if a plugin's function fails.
    """
    return [
        origin
        for plugin in plugins
        for environment in plugin.environments_of(stack)
        for origin in _of_environment(plugin.name, environment)
    ]


def origin_of_process(origins: Iterable[CodeOrigin], script: str) -> CodeOrigin | None:
    """Return the origin of the main project of the environment that a process runs from."""
    return next((one for one in origins if f"{one.environment.path}/bin/" in script), None)


def _of_environment(plugin: str, environment: Environment) -> Iterator[CodeOrigin]:
    """Yield the origin of the main project, then those of libraries that come from trees."""
    main = normalised(environment.requirements[0])
    trees = {tree.package: tree for tree in environment.installed_trees.used()}
    if main not in trees:
        yield CodeOrigin(plugin, environment, main, _version(environment, main))
    for tree in sorted(trees.values(), key=lambda tree: tree.package != main):
        state = tree.state if tree.is_there else None
        yield CodeOrigin(plugin, environment, tree.project, tree=tree, state=state)


def _version(environment: Environment, package: str) -> str:
    """Return the version of a package that is installed, or else that of the constraints."""
    for path in environment.site_packages.glob("*.dist-info"):
        name, _, version = path.name.removesuffix(".dist-info").partition("-")
        if normalised(name) == package:
            return version
    from doitstack.editable_installs import pinned_versions  # noqa: PLC0415 - before stacking

    path = Path(environment.constraints)
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return pinned_versions(text).get(package, "")


def _described(state: TreeState) -> str:
    """Return branch, hash and changed files, each after a comma."""
    words = [state.branch, state.head[:_HASH]]
    if state.changed:
        names = ", ".join(state.changed[:_MOST_NAMES])
        more = f" and {len(state.changed) - _MOST_NAMES} more"
        more = more if len(state.changed) > _MOST_NAMES else ""
        words.append(f"changed: {names}{more}")
    return "".join(f", {word}" for word in words if word)


def _short(path: Path) -> str:
    """Return a path relative to the stack directory, if it is below that."""
    return str(path).removeprefix(f"{Path.cwd()}/")
