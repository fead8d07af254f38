"""Find the plugins of a stack directory: entry points, drop-ins, plugin repositories.

Every error names the distribution or the file. Runs no step.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path

from doitstack import hookspecs
from doitstack.config.local_conf import PluginRepository
from doitstack.errors import PlanError, PluginError
from doitstack.phases import SETTINGS_PHASES, Phase
from doitstack.planning.drop_ins import drop_ins
from doitstack.planning.entry_points import distribution_name, entry_points
from doitstack.planning.found_plugin import FoundPlugin, blaming_imports
from doitstack.planning.plugin import Plugin
from doitstack.planning.plugin_registration import Refuse, refuse_all, registered_plugins
from doitstack.planning.plugin_repositories import in_order, scripts_directory
from doitstack.planning.scripts import ScriptHooks, package_lists

IN_TREE = "doitstack"
"""The distribution whose entry points are the in-tree services."""

_NUMBER_PREFIX = re.compile(r"\d\d-")
"""The beginning of the names of in-tree entry points; build tools sort them by name."""


def find_plugins(
    top_dir: Path,
    dest: Path,
    repositories: Iterable[PluginRepository],
    refuse: Refuse = refuse_all,
) -> list[Plugin]:
    """Return all plugins in the order of the stack phases.

    In-tree services come first, then other distributions' entry points, `extras.d` by number, and
    plugin repositories in `local.conf`'s order. Raises PluginError, unless `refuse` does not.
    """
    installed = list(_usable((partial(_installed, one) for one in _entry_points()), refuse))
    found = sorted((one for one in installed if one.is_service), key=lambda one: one.origin)
    found += [one for one in installed if not one.is_service]
    found += _usable(drop_ins(top_dir), refuse)
    cloned = list(_usable(_repositories(repositories, dest, refuse), refuse))
    services = {one.name for one in found if one.is_service}
    found += [one._replace(name=_repository_name(one.name, services)) for one in cloned]
    return registered_plugins(found, refuse)


def _repository_name(name: str, services: set[str]) -> str:
    """Return a name that no in-tree service has: projects have a plugin in their own repository."""
    return f"{name}-repository" if name in services else name


def _entry_points() -> Iterator[EntryPoint]:
    yield from entry_points(group=hookspecs.PROJECT)


def _usable(
    candidates: Iterable[Callable[[], FoundPlugin]], refuse: Refuse
) -> Iterator[FoundPlugin]:
    """Yield the plugins that can be loaded; call `refuse` for the others."""
    for load in candidates:
        try:
            yield load()
        except PluginError as error:
            refuse(error)


def _installed(entry: EntryPoint) -> FoundPlugin:
    distribution = distribution_name(entry.dist) if entry.dist else "an unknown distribution"
    origin = f"{distribution} (entry point {entry.name} = {entry.value})"
    is_service = distribution == IN_TREE
    name = _NUMBER_PREFIX.sub("", entry.name, count=1) if is_service else entry.name
    with blaming_imports(entry.name, origin):
        source = entry.load()
    return FoundPlugin(name, origin, source, is_service)


def _repositories(
    repositories: Iterable[PluginRepository], dest: Path, refuse: Refuse
) -> Iterator[Callable[[], FoundPlugin]]:
    """Yield a loader for each plugin repository, after those that it requires."""
    ordered = list(repositories)
    try:
        ordered = in_order(ordered, dest)
    except PlanError as error:
        refuse(error)
    for repository in ordered:
        yield partial(_repository, repository, dest)


def _repository(repository: PluginRepository, dest: Path) -> FoundPlugin:
    """Return the plugin of a repository at `$DEST/NAME`; it has no hooks until it is fetched."""
    directory = scripts_directory(repository, dest)
    if directory.parent.is_dir() and not directory.is_dir():
        raise PluginError(
            repository.name,
            f"{directory.parent} is not a DevStack plugin: it has no directory devstack",
        )
    files = {phase: directory / "plugin.sh" for phase in Phase if phase not in SETTINGS_PHASES} | {
        Phase.OVERRIDE_DEFAULTS: directory / "override-defaults",
        Phase.SOURCE: directory / "settings",
    }
    scripts = {phase: files[phase] for phase in Phase if files[phase].is_file()}
    origin = f"{repository.url} at {directory.parent}"
    existing = tuple(dict.fromkeys(scripts.values()))
    hooks = ScriptHooks(scripts, package_lists(directory, repository.name))
    return FoundPlugin(repository.name, origin, hooks, scripts=existing)
