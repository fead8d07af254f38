"""Find plugins and register them: entry points, extras.d, plugin repositories.

Every failure names the distribution or the file. Runs no step.
"""

import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path
from types import FunctionType, ModuleType

import pluggy

from doitstack import hookspecs
from doitstack.config.local_conf import PluginRepository
from doitstack.errors import DoitstackError, PlanError, PluginError, said
from doitstack.phases import SETTINGS_PHASES, STACK_PHASES, Phase
from doitstack.planning.plugin import HOOKS, Plugin, place_in, place_of
from doitstack.planning.plugin_repositories import in_order, scripts_directory
from doitstack.planning.scripts import ScriptHooks
from doitstack.suggestions import did_you_mean

IN_TREE = "doitstack"
"""The distribution whose entry points are the in-tree services."""

DROP_INS = "extras.d"

_NUMBER_PREFIX = re.compile(r"\d\d-")
"""The beginning of the names of in-tree entry points; build tools sort them by name."""

_NUMBERED = re.compile(r"(\d\d)-([A-Za-z0-9][A-Za-z0-9._-]*)\.(sh|py)")
_RESERVED = ("0", "9")


@dataclass(frozen=True)
class _Found:
    """A plugin before it is registered: `source` is the module or object that has the hooks."""

    name: str
    origin: str
    source: object
    is_service: bool = False
    scripts: tuple[Path, ...] = ()


class _Manager(pluggy.PluginManager):
    """pluggy's manager, but faster: only functions of a module can be hooks."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        if isinstance(plugin, ModuleType) and not isinstance(vars(plugin).get(name), FunctionType):
            return None
        return super().parse_hookimpl_opts(plugin, name)


Refuse = Callable[[DoitstackError], None]
"""Is called for a plugin that cannot be used; the plugin is passed over if this does not raise."""


def refuse_all(error: DoitstackError) -> None:
    """Raise the error."""
    raise error


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
    found += _usable(_drop_ins(top_dir / DROP_INS), refuse)
    others = frozenset(one.name for one in found)
    cloned = list(_usable(_repositories(repositories, dest, others, refuse), refuse))
    services = {one.name for one in found if one.is_service}
    found += [replace(one, name=_repository_name(one.name, services)) for one in cloned]
    return _registrable(found, refuse)


def _repository_name(name: str, services: set[str]) -> str:
    """Return a name that no in-tree service has: projects have a plugin in their own repository."""
    return f"{name}-repository" if name in services else name


def _entry_points() -> Iterator[EntryPoint]:
    yield from entry_points(group=hookspecs.PROJECT)


def _usable(candidates: Iterable[Callable[[], _Found]], refuse: Refuse) -> Iterator[_Found]:
    """Yield the plugins that can be loaded."""
    for load in candidates:
        try:
            yield load()
        except PluginError as error:
            refuse(error)


def _registrable(found: list[_Found], refuse: Refuse) -> list[Plugin]:
    """Return the plugins, without those that cannot be registered."""
    try:
        _refuse_duplicates(found)
        return _registered(found)
    except PluginError as error:
        refuse(error)
        last = max(i for i, one in enumerate(found) if one.name == error.plugin)
        return _registrable([*found[:last], *found[last + 1 :]], refuse)


def _refuse_duplicates(found: list[_Found]) -> None:
    names: dict[str, _Found] = {}
    sources: dict[int, _Found] = {}
    for one in found:
        other = names.setdefault(one.name, one)
        if other is not one:
            raise PluginError(
                one.name,
                f"found twice, in {other.origin} and in {one.origin}; rename or remove one",
            )
        other = sources.setdefault(id(one.source), one)
        if other is not one:
            raise PluginError(
                one.name, f"{one.origin} is the same as {other.origin}; remove one of them"
            )


def _registered(found: list[_Found]) -> list[Plugin]:
    """Register all plugins, and return them with their hook implementations."""
    manager = _manager_of(found)
    hooks: dict[str, dict[str, pluggy.HookImpl]] = {one.name: {} for one in found}
    for hook in HOOKS:
        caller: pluggy.HookCaller = getattr(manager.hook, hook)
        for implementation in caller.get_hookimpls():
            name = implementation.plugin_name
            if hook in hooks[name]:
                raise PluginError(name, f"implements {hook} twice; merge the two functions")
            hooks[name][hook] = implementation
    for one in found:
        _refuse_unusable(one, hooks[one.name], manager)
    return [
        Plugin(
            name=one.name,
            origin=one.origin,
            is_service=one.is_service,
            hooks=hooks[one.name],
            services=_names_of(one, "services"),
            scripts=one.scripts,
            known_services=_names_of(one, "services") + _names_of(one, "known_services"),
            modules=_modules_of(one),
            configuration_files=_names_of(one, "configuration_files"),
        )
        for one in found
    ]


def _manager_of(found: list[_Found]) -> _Manager:
    """Return a manager that has registered all. Raises PluginError for an unknown hook."""
    manager = _Manager(hookspecs.PROJECT)
    by_source = {id(one.source): one for one in found}
    for one in found:
        manager.register(one.source, one.name)
        _refuse_unknown_hooks(one, manager)
    try:
        manager.add_hookspecs(hookspecs)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        one = by_source[id(error.plugin)]
        raise PluginError(one.name, f"{one.origin}: {error}") from error
    return manager


def _refuse_unknown_hooks(one: _Found, manager: _Manager) -> None:
    """Raise PluginError for hooks, and arguments of hooks, that do not exist."""
    implementations = [
        (caller.name, implementation)
        for caller in manager.get_hookcallers(one.source) or ()
        for implementation in caller.get_hookimpls()
        if implementation.plugin is one.source
    ]
    for hook, implementation in implementations:
        place = place_in(one.origin, implementation.function)
        if hook not in HOOKS:
            near = did_you_mean(hook, HOOKS) or f"; there are {', '.join(HOOKS)}"
            raise PluginError(one.name, f"{place}: there is no hook {hook}{near}")
        (argument,) = inspect.signature(getattr(hookspecs, hook)).parameters
        for name in set(implementation.argnames) - {argument}:
            raise PluginError(
                one.name, f"{place}: {hook} has no argument {name}; it may take {argument}"
            )


def _refuse_unusable(one: _Found, hooks: Mapping[str, pluggy.HookImpl], manager: _Manager) -> None:
    """Raise PluginError for a hook that would never be called, or not as its author expects."""
    for hook, implementation in hooks.items():
        if implementation.wrapper or implementation.hookwrapper:
            raise PluginError(
                one.name, f"{one.origin}: {hook} is a wrapper; yield steps from a plain hook"
            )
    for hook in {phase.hook for phase in STACK_PHASES} & set(dir(one.source)):
        if not manager.parse_hookimpl_opts(one.source, hook):
            raise PluginError(one.name, f"{one.origin}: {hook} is not a hook without @hookimpl")


def _names_of(one: _Found, attribute: str) -> tuple[str, ...]:
    """Return an attribute with names; a module may use it for something else."""
    services = getattr(one.source, attribute, ())
    if not isinstance(services, (str, list, tuple)):
        return ()
    if isinstance(services, str) or not all(isinstance(name, str) for name in services):
        raise PluginError(
            one.name, f'{one.origin}: {attribute} are names in a tuple: {attribute} = ("g-api",)'
        )
    return tuple(services)


def _modules_of(one: _Found) -> tuple[Path, ...]:
    """Return the Python files of a plugin: its module, and those next to it in a package."""
    if one.scripts:
        return ()
    source = one.source
    name = source.__name__ if isinstance(source, ModuleType) else type(source).__module__
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:
        return ()
    path = Path(file)
    is_package = path.with_name("__init__.py").is_file()
    return tuple(sorted(path.parent.glob("*.py"))) if is_package else (path,)


def entry_points(group: str) -> Iterator[EntryPoint]:
    """Yield the entry points of a group.

    Unlike `importlib.metadata.entry_points`, parse only the distributions that have the group.
    """
    seen: set[str] = set()
    for distribution in distributions():
        text = distribution.read_text("entry_points.txt")
        if text and f"[{group}]" in text and _name(distribution) not in seen:
            seen.add(_name(distribution))
            yield from distribution.entry_points.select(group=group)


@cache
def _name(distribution: Distribution) -> str:
    # Each access to the name reads and parses the distribution's metadata again.
    return distribution.name


def _installed(entry: EntryPoint) -> _Found:
    distribution = _name(entry.dist) if entry.dist else "an unknown distribution"
    origin = f"{distribution} (entry point {entry.name} = {entry.value})"
    is_service = distribution == IN_TREE
    name = _NUMBER_PREFIX.sub("", entry.name, count=1) if is_service else entry.name
    with _imports(entry.name, origin):
        source = entry.load()
    return _Found(name, origin, source, is_service)


@contextmanager
def _imports(name: str, origin: str) -> Iterator[None]:
    """Turn whatever an import raises, SystemExit included, into a PluginError."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(
            name, f"{origin} cannot be imported: {said(error)}{place_of(error)}"
        ) from error


def _drop_ins(directory: Path) -> Iterator[Callable[[], _Found]]:
    """Yield what loads the numbered drop-ins of `extras.d`, `.sh` and `.py` in one order."""
    for path in sorted(directory.glob("[0-9][0-9]-*"), key=lambda path: path.name):
        if match := _NUMBERED.fullmatch(path.name):
            yield partial(_module if match[3] == "py" else _script, path, match[2])


def _repositories(
    repositories: Iterable[PluginRepository],
    dest: Path,
    others: Container[str],
    refuse: Refuse,
) -> Iterator[Callable[[], _Found]]:
    """Yield what loads the plugins of repositories, each after those that it requires."""
    ordered = list(repositories)
    try:
        ordered = in_order(ordered, dest, others)
    except PlanError as error:
        refuse(error)
    for repository in ordered:
        yield partial(_repository, repository, dest)


def ignored_drop_ins(top_dir: Path) -> list[Path]:
    """Return the files of `extras.d` that look like drop-ins but have no number and name."""
    return [
        path
        for path in sorted((top_dir / DROP_INS).glob("*.*"))
        if path.suffix in {".sh", ".py"} and not _NUMBERED.fullmatch(path.name)
    ]


def is_reserved(path: Path) -> bool:
    """Return whether a drop-in has a number that is reserved for the project (00-09, 90-99)."""
    return path.parent.name == DROP_INS and path.name.startswith(_RESERVED)


def _script(path: Path, name: str) -> _Found:
    return _Found(name, str(path), ScriptHooks(dict.fromkeys(Phase, path)), scripts=(path,))


def _module(path: Path, name: str) -> _Found:
    specification = importlib.util.spec_from_file_location(f"extras_d_{path.stem}", path)
    if specification is None or specification.loader is None:
        raise PluginError(name, f"{path} is not a Python file")
    module: ModuleType = importlib.util.module_from_spec(specification)
    # The result of a future is pickled by the name of its module.
    sys.modules[specification.name] = module
    with _imports(name, str(path)):
        specification.loader.exec_module(module)
    return _Found(name, str(path), _source_of(name, path, module))


def _source_of(name: str, path: Path, module: ModuleType) -> object:
    """Return the source of a drop-in's hooks: its object `plugin` if that has any, or itself."""
    offered = getattr(module, "plugin", None)
    if not _has_hooks(offered):
        return module
    if _has_hooks(module):
        raise PluginError(
            name, f"{path}: both the module and its `plugin` have hooks; keep those of one"
        )
    return offered


def _has_hooks(source: object) -> bool:
    manager = _Manager(hookspecs.PROJECT)
    return any(manager.parse_hookimpl_opts(source, attribute) for attribute in dir(source))


def _repository(repository: PluginRepository, dest: Path) -> _Found:
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
    return _Found(repository.name, origin, ScriptHooks(scripts), scripts=existing)
