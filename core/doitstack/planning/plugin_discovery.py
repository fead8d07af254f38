"""Find plugins and put them in order: entry points, extras.d, plugin repositories.

Whatever goes wrong names the distribution or the file. Runs no step.
"""

import importlib.util
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pluggy

from doitstack import hookspecs
from doitstack.config.local_conf import PluginRepository
from doitstack.errors import DoitstackError, PluginError, said
from doitstack.phases import REVERSED_PHASES, SETTINGS_PHASES, STACK_PHASES, Phase
from doitstack.planning.call_action import OURS
from doitstack.planning.plugin_repositories import in_order, scripts_directory
from doitstack.steps import Kind, Shell, Step, run

if TYPE_CHECKING:
    from doitstack.config.settings import Settings
    from doitstack.stack import Stack

IN_TREE = "doitstack"
"""The distribution whose entry points are the in-tree services."""

TASKS_HOOK = "tasks"

_HOOKS_OF_SERVICES = (*(phase.hook for phase in STACK_PHASES), TASKS_HOOK)
"""The hooks that are not called if none of a plugin's `services` is enabled.

The others set defaults, and stop and remove what an earlier ENABLED_SERVICES has started.
"""

_PLACE = re.compile(r"\d\d-")
"""What the entry points of in-tree services begin with; build tools sort them by name."""

_NUMBERED = re.compile(r"(\d\d)-([A-Za-z0-9][A-Za-z0-9._-]*)\.(sh|py)")
DROP_INS = "extras.d"
_RESERVED = ("0", "9")

_PLUGGY = f"{Path(pluggy.__file__).parent}/"

_MARK = f"{hookspecs.PROJECT}_impl"
"""The attribute by which pluggy knows a hook."""


@dataclass(frozen=True)
class Plugin:
    """One that answers phases.

    `origin` is where it was found, for messages: a distribution and entry point, or a file.
    `scripts` are the files to source in each phase, for a plugin of the shell. A plugin with
    `services` takes part in the stack phases only if one of them is enabled.
    """

    name: str
    origin: str
    is_service: bool = False
    manager: pluggy.PluginManager | None = None
    services: tuple[str, ...] = ()
    scripts: dict[Phase, Path] = field(default_factory=dict)

    @property
    def hooks(self) -> tuple[str, ...]:
        """The names of the hooks that it implements, in the order of the phases."""
        if self.manager is None:
            return tuple(phase.hook for phase in Phase if phase in self.scripts)
        return tuple(name for name in _known_hooks() if hasattr(self.manager.hook, name))

    def steps(self, hook: str, **argument: "Settings | Stack") -> list[Step]:
        """Return what the plugin declares for `hook`.

        Raises PluginError, naming origin and hook, when it raises or yields anything but steps.
        """
        if self.manager is None:
            return list(self._script_steps(hook))
        caller: pluggy.HookCaller | None = getattr(self.manager.hook, hook, None)
        steps: list[Step] = []
        if caller is None or not self._is_active(hook, argument):
            return steps
        try:
            for answer in caller(**argument):
                steps.extend(self._checked(hook, answer))
        except (PluginError, KeyboardInterrupt):
            raise
        except DoitstackError as error:
            # For the user, who need not know the file.
            raise PluginError(self.name, str(error)) from error
        except BaseException as error:
            place = _place(error)
            raise PluginError(
                self.name, f"{hook} of {self.origin} raised {said(error)}{place}"
            ) from error
        return steps

    def _is_active(self, hook: str, argument: Mapping[str, "Settings | Stack"]) -> bool:
        if not self.services or hook not in _HOOKS_OF_SERVICES:
            return True
        return argument["stack"].is_service_enabled(*self.services)

    def _checked(self, hook: str, answer: object) -> Iterator[Step]:
        if isinstance(answer, Step):
            raise PluginError(self.name, f"{hook} of {self.origin}: yield steps, do not return one")
        if not isinstance(answer, Iterable) or isinstance(answer, (str, bytes)):
            raise PluginError(self.name, f"{hook} of {self.origin} gave {answer!r}, not steps")
        for step in answer:
            if not isinstance(step, Step):
                raise PluginError(
                    self.name,
                    f"{hook} of {self.origin} yielded {step!r}, not run(), async_run() or "
                    f"async_wait()",
                )
            if hook == TASKS_HOOK and step.kind is not Kind.RUN:
                raise PluginError(
                    self.name, f"{hook} of {self.origin} offers {step.name}: offer run() steps only"
                )
            yield step

    def _script_steps(self, hook: str) -> Iterator[Step]:
        for phase, script in self.scripts.items():
            if phase.hook == hook:
                yield run(Script(script, phase.arguments), name=script.name)


@dataclass(frozen=True)
class Script(Shell):
    """The action that sources a script in the bash session with the phase as its arguments."""

    command: str = field(init=False)
    path: Path
    arguments: tuple[str, ...]

    def __init__(self, path: Path, arguments: tuple[str, ...]) -> None:
        object.__setattr__(self, "path", path)
        object.__setattr__(self, "arguments", arguments)
        object.__setattr__(self, "command", " ".join((path.name, *arguments)))


def _place(error: BaseException) -> str:
    """Return where an exception was raised: ` (file.py, line 3)`; not a place of ours."""
    frames, place = error.__traceback__, ""
    while frames:
        name = frames.tb_frame.f_code.co_filename
        if not name.startswith((OURS, _PLUGGY)):
            place = f" ({name}, line {frames.tb_lineno})"
        frames = frames.tb_next
    return "" if isinstance(error, SyntaxError) else place


def find_plugins(
    top_dir: Path, dest: Path, repositories: Iterable[PluginRepository]
) -> list[Plugin]:
    """Return all plugins in the order of the stack phases.

    In-tree services come first, then other distributions' entry points, `extras.d` by number, and
    plugin repositories in `local.conf`'s order. Raises PluginError.
    """
    installed = list(_installed())
    plugins = sorted((plugin for plugin in installed if plugin.is_service), key=_origin)
    plugins += [plugin for plugin in installed if not plugin.is_service]
    plugins += _drop_ins(top_dir / DROP_INS)
    plugins += [_repository(repository, dest) for repository in in_order(repositories, dest)]
    _refuse_twins(plugins)
    return plugins


def order(plugins: list[Plugin], phase: Phase) -> list[Plugin]:
    """Return `plugins` in the order of `phase`: services last and reversed when tearing down."""
    if phase not in REVERSED_PHASES:
        return plugins
    services = [plugin for plugin in plugins if plugin.is_service]
    return [plugin for plugin in plugins if not plugin.is_service] + services[::-1]


def _refuse_twins(plugins: list[Plugin]) -> None:
    origins: dict[str, str] = {}
    for plugin in plugins:
        if plugin.name in origins:
            raise PluginError(
                plugin.name,
                f"found twice, in {origins[plugin.name]} and in {plugin.origin}; "
                f"rename or remove one",
            )
        origins[plugin.name] = plugin.origin


def _origin(plugin: Plugin) -> str:
    return plugin.origin


def entry_points(group: str) -> Iterator[EntryPoint]:
    """Yield the entry points of a group.

    As that of importlib.metadata does, which parses those of all distributions for it.
    """
    seen: set[str] = set()
    for distribution in distributions():
        text = distribution.read_text("entry_points.txt")
        if text and f"[{group}]" in text and _name(distribution) not in seen:
            seen.add(_name(distribution))
            yield from distribution.entry_points.select(group=group)


@cache
def _name(distribution: Distribution) -> str:
    # Each look at the name reads and parses the distribution's metadata anew.
    return distribution.name


def _installed() -> Iterator[Plugin]:
    for entry in entry_points(group=hookspecs.PROJECT):
        distribution = _name(entry.dist) if entry.dist else "an unknown distribution"
        origin = f"{distribution} (entry point {entry.name} = {entry.value})"
        is_service = distribution == IN_TREE
        name = _PLACE.sub("", entry.name, count=1) if is_service else entry.name
        yield _python_plugin(name, origin, _load_entry(entry, origin), is_service=is_service)


def _load_entry(entry: EntryPoint, origin: str) -> object:
    with _imports(entry.name, origin):
        return entry.load()


@contextmanager
def _imports(name: str, origin: str) -> Iterator[None]:
    """Blame the plugin for whatever an import raises, SystemExit among it."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(
            name, f"{origin} cannot be imported: {said(error)}{_place(error)}"
        ) from error


def _python_plugin(
    name: str, origin: str, implementation: object, *, is_service: bool = False
) -> Plugin:
    """Return the plugin whose hooks `implementation` has: a module, or an object."""
    manager = _managed(name, origin, implementation)
    return Plugin(name, origin, is_service, manager, _services_of(name, origin, implementation))


def _services_of(name: str, origin: str, implementation: object) -> tuple[str, ...]:
    """Return the `services` of a plugin; a module may have something else of that name."""
    services = getattr(implementation, "services", ())
    if not isinstance(services, (str, list, tuple)):
        return ()
    if isinstance(services, str) or not all(isinstance(one, str) for one in services):
        raise PluginError(name, f'{origin}: services are names in a tuple: services = ("g-api",)')
    return tuple(services)


def _managed(name: str, origin: str, module: object) -> pluggy.PluginManager:
    """Return a manager of this plugin alone: order and blame stay ours."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    hooks = _hooks_of(module)
    for hook in hooks:
        options = getattr(getattr(module, hook), _MARK)
        if options["wrapper"] or options["hookwrapper"]:
            raise PluginError(name, f"{origin}: {hook} is a wrapper; yield steps from a plain hook")
    for forgotten in {phase.hook for phase in STACK_PHASES} & set(dir(module)) - set(hooks):
        raise PluginError(name, f"{origin}: {forgotten} is no hook without @hookimpl before it")
    known = [hook for hook in _known_hooks() if hook in hooks]
    if known:
        manager.add_hookspecs(_only(hookspecs, known))
    try:
        manager.register(_only(module, hooks), name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(name, f"{origin}: {error}") from error
    return manager


def _known_hooks() -> tuple[str, ...]:
    return (*(phase.hook for phase in Phase), TASKS_HOOK)


def _hooks_of(plugin: object) -> list[str]:
    """Return the names of what a plugin marks as hooks, known ones or not."""
    return [name for name in dir(plugin) if _is_marked(plugin, name)]


def _is_marked(plugin: object, name: str) -> bool:
    # A proxy that a plugin imports may refuse any question.
    with suppress(Exception):
        return hasattr(getattr(plugin, name), _MARK)
    return False


def _only(source: object, names: Iterable[str]) -> ModuleType:
    """Return `names` of `source` alone: pluggy looks at each name of what it is given, slowly."""
    part = ModuleType(getattr(source, "__name__", type(source).__name__))
    for name in names:
        setattr(part, name, getattr(source, name))
    return part


def _drop_ins(directory: Path) -> list[Plugin]:
    """Return the numbered drop-ins of `extras.d`, `.sh` and `.py` in one order."""
    found = []
    for path in sorted(directory.glob("[0-9][0-9]-*"), key=lambda path: path.name):
        match = _NUMBERED.fullmatch(path.name)
        if match is None:
            continue
        found.append(_script(path, match[2]) if match[3] == "sh" else _module(path, match[2]))
    return found


def passed_over(top_dir: Path) -> list[Path]:
    """Return what looks like a drop-in of `extras.d` and is none, for its name."""
    return [
        path
        for path in sorted((top_dir / DROP_INS).glob("*.*"))
        if path.suffix in {".sh", ".py"} and not _NUMBERED.fullmatch(path.name)
    ]


def is_reserved(path: Path) -> bool:
    """Return whether a drop-in takes a number that is kept for the project (00-09, 90-99)."""
    return path.parent.name == DROP_INS and path.name.startswith(_RESERVED)


def _script(path: Path, name: str) -> Plugin:
    return Plugin(name, str(path), scripts=dict.fromkeys(Phase, path))


def _module(path: Path, name: str) -> Plugin:
    specification = importlib.util.spec_from_file_location(f"extras_d_{path.stem}", path)
    if specification is None or specification.loader is None:
        raise PluginError(name, f"{path} is not a Python file")
    module: ModuleType = importlib.util.module_from_spec(specification)
    # What a future returns or raises is pickled by the name of its module.
    sys.modules[specification.name] = module
    with _imports(name, str(path)):
        specification.loader.exec_module(module)
    return _python_plugin(name, str(path), _implementation(name, path, module))


def _implementation(name: str, path: Path, module: ModuleType) -> object:
    """Return what has the hooks of a drop-in: its object `plugin` if there is one, or itself."""
    offered = getattr(module, "plugin", None)
    if offered is None or not _hooks_of(offered):
        return module
    if _hooks_of(module):
        raise PluginError(
            name, f"{path}: both the module and its `plugin` have hooks; keep those of one"
        )
    return offered


def _repository(repository: PluginRepository, dest: Path) -> Plugin:
    """Return the plugin of a repository at `$DEST/NAME`, with the scripts that it has.

    One that has not been fetched yet has none.
    """
    directory = scripts_directory(repository, dest)
    if directory.parent.is_dir() and not directory.is_dir():
        raise PluginError(
            repository.name, f"{directory.parent} is no plugin of DevStack: it has no devstack/"
        )
    files = {phase: directory / "plugin.sh" for phase in Phase if phase not in SETTINGS_PHASES} | {
        Phase.OVERRIDE_DEFAULTS: directory / "override-defaults",
        Phase.SOURCE: directory / "settings",
    }
    scripts = {phase: files[phase] for phase in Phase if files[phase].is_file()}
    return Plugin(repository.name, f"{repository.url} at {directory.parent}", scripts=scripts)
