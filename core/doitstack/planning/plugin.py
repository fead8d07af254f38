"""A plugin: its name, its origin, and the steps that its hooks declare.

Runs no step. Every mistake in a hook is a PluginError that names the plugin.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, cast

import pluggy

from doitstack.errors import DoitstackError, PluginError, SettingsError, StepError, describe_error
from doitstack.phases import REVERSED_PHASES, STACK_PHASES, Phase
from doitstack.planning.action_signatures import place_of_definition
from doitstack.planning.call_action import place_of
from doitstack.steps import Kind, Made, Step, callable_name, recorded_steps

if TYPE_CHECKING:
    from doitstack.config.settings import SettingCheck, Settings
    from doitstack.stack import Stack
    from doitstack.venvs import Environment

TASKS_HOOK = "tasks"
_SERVICE_HOOKS = frozenset((*(phase.hook for phase in STACK_PHASES), TASKS_HOOK))
"""The hooks that are skipped if none of a plugin's `services` is enabled.

The others set defaults, and stop and remove what an earlier ENABLED_SERVICES has started; in-tree
plugins that never started anything have nothing to stop.
"""

HOOKS = (*(phase.hook for phase in Phase), TASKS_HOOK)
"""The names of all hooks: the phases in their order, then `tasks`."""


class Plugin(NamedTuple):
    """One plugin of a stack directory.

    Args:
        origin: where it was found, for messages: a distribution and entry point, or a file.
        is_service: whether it is one of the in-tree services, which are torn down last.
        hooks: its hook implementations by name, in the order of HOOKS.
        services: if there are any, it takes part in the stack phases only if one is enabled.
        scripts: the files that it sources.
        known_services: all names in ENABLED_SERVICES that it uses, `services` included.
        modules: its Python files.
        configuration_files: patterns of the files that an in-tree service reads, below DevStack's
            `/etc/NAME`.
        checked_settings: how its settings are checked, by their names.
        environments: returns the virtual environments that its services run from.
        takes_work: returns, for processes without a port, functions that say whether they take
            work.
        check_arguments: raises StepError for words that a task that it offers would refuse.
    """

    name: str
    origin: str
    is_service: bool = False
    hooks: Mapping[str, pluggy.HookImpl] = MappingProxyType({})
    services: tuple[str, ...] = ()
    scripts: tuple[Path, ...] = ()
    known_services: tuple[str, ...] = ()
    modules: tuple[Path, ...] = ()
    configuration_files: tuple[str, ...] = ()
    checked_settings: Mapping[str, "SettingCheck"] = MappingProxyType({})
    environments: "Callable[[Stack], Iterable[Environment]] | None" = None
    takes_work: "Callable[[Stack], Mapping[str, Callable[[], bool]]] | None" = None
    check_arguments: Callable[[str, Sequence[str]], None] | None = None

    def setting_mistakes(self, settings: "Settings") -> Iterator[SettingsError]:
        """Yield what is wrong with its settings, if it takes part. Raises PluginError."""
        if self.services and not settings.is_service_enabled(*self.services):
            return
        for name, check in self.checked_settings.items():
            with self._blamed(f"the check of {name}"):
                try:
                    if settings.get(name):
                        check(settings, name)
                except SettingsError as error:
                    yield error

    def environments_of(self, stack: "Stack") -> "list[Environment]":
        """Return its environments; none if it does not take part. Raises PluginError."""
        if not self.environments or not self._takes_part(stack):
            return []
        with self._blamed("environments"), stack.declaring():
            return list(self.environments(stack))

    def takes_work_of(self, stack: "Stack") -> "dict[str, Callable[[], bool]]":
        """Return its functions `takes_work`; none if it does not take part. Raises PluginError."""
        if not self.takes_work or not self._takes_part(stack):
            return {}
        with self._blamed("takes_work"):
            return dict(self.takes_work(stack))

    def argument_mistake(self, task: str, words: Sequence[str]) -> str:
        """Return why `task`, which it offers, would refuse `words`, if so. Raises PluginError."""
        with self._blamed("check_arguments"):
            try:
                if self.check_arguments:
                    self.check_arguments(task, words)
            except StepError as error:
                return str(error)
        return ""

    def steps(self, hook: str, **arguments: "Settings | Stack") -> list[Step]:
        """Return the steps that the plugin declares for `hook`, if it implements it at all.

        Raises PluginError, naming origin and hook, if the hook raises or yields anything but steps.
        """
        implementation = self.hooks.get(hook)
        if implementation is None or not self._is_active(hook, arguments):
            return []
        with self._blamed(hook), _declaring(arguments), recorded_steps() as made:
            wanted = [arguments[name] for name in implementation.argnames]
            steps = list(self._checked(hook, implementation.function(*wanted)))
        self._refuse_unyielded(hook, made, steps)
        return steps

    def _takes_part(self, stack: "Stack") -> bool:
        return not self.services or stack.is_service_enabled(*self.services)

    def _is_active(self, hook: str, arguments: Mapping[str, "Settings | Stack"]) -> bool:
        if not self.services or hook not in (*_SERVICE_HOOKS, Phase.UNSTACK.hook):
            return True
        stack = arguments["stack"]
        if stack.is_service_enabled(*self.services):
            return True
        # An earlier ENABLED_SERVICES may have started it.
        return hook == Phase.UNSTACK.hook and (not self.is_service or self._was_started(stack))

    def has_disabled(self, process: str, stack: "Stack") -> bool:
        """Return whether `process` belongs to the plugin, whose service for it is not enabled."""
        if not self.services or not process.startswith(self.known_services):
            return False
        # Each of `services` starts all processes, but for those that have a service of their own.
        has_own = process in self.known_services and process not in self.services
        return not stack.is_service_enabled(*((process,) if has_own else self.services))

    def _was_started(self, stack: "Settings | Stack") -> bool:
        names = cast("Stack", stack).started_services()
        return any(name.startswith(self.known_services) for name in names)

    @contextmanager
    def _blamed(self, hook: str) -> Iterator[None]:
        """Turn what the hook raises, SystemExit included, into a PluginError."""
        try:
            yield
        except (PluginError, KeyboardInterrupt):
            raise
        except StepError as error:
            raise PluginError(self.name, f"{hook}: {error}{place_of(error)}") from error
        except DoitstackError as error:
            # The message is for the user, for whom the file does not matter.
            raise PluginError(self.name, str(error)) from error
        except BaseException as error:
            raise PluginError(
                self.name,
                f"{hook} of {self.origin} raised {describe_error(error)}{place_of(error)}",
            ) from error

    def _checked(self, hook: str, answer: object) -> Iterator[Step]:
        """Yield the steps of a hook's answer. Raises PluginError for anything else."""
        if answer is None:
            return
        if isinstance(answer, Step):
            self._refuse(hook, "returned a step; yield it")
        if not isinstance(answer, Iterable) or isinstance(answer, (str, bytes)):
            self._refuse(hook, f"returned {_shown(answer)} instead of steps")
        for step in answer:
            if isinstance(step, Iterable) and not isinstance(step, str):
                kind = type(step).__name__
                self._refuse(hook, f"yielded a {kind}; use `yield from` for several steps")
            if not isinstance(step, Step):
                self._refuse(
                    hook, f"yielded {_shown(step)}, not run(), async_run() or async_wait()"
                )
            if hook == TASKS_HOOK and step.kind is not Kind.RUN:
                self._refuse(hook, f"offers {step.name}: offer run() steps only")
            yield step

    def _refuse_unyielded(self, hook: str, made: list[Made], steps: Sequence[Step]) -> None:
        """Raise PluginError if the hook has made steps or actions that none of its `steps` uses."""
        used = {id(step) for step in steps}
        # The action of a lost step is lost with it.
        used |= {id(one.what.action) for one in made if isinstance(one.what, Step)}
        lost = [one for one in made if id(one.what) not in used]
        if lost:
            places = "; ".join(f"{one.verb} in {one.place}" for one in lost)
            self._refuse(hook, f"made a step and did not yield it: {places}")

    def _refuse(self, hook: str, how: str) -> NoReturn:
        place = place_in(self.origin, self.hooks[hook].function)
        raise PluginError(self.name, f"{place}: {hook} {how}")


def _shown(value: object) -> str:
    """Return what a hook answered, as its author has written it."""
    return callable_name(value) if callable(value) else repr(value)


def _declaring(arguments: Mapping[str, "Settings | Stack"]) -> AbstractContextManager[None]:
    """Return the block in which a stack among the arguments of a hook can do nothing."""
    stack = arguments.get("stack")
    return cast("Stack", stack).declaring() if stack else nullcontext()


def place_in(origin: str, function: Callable[..., Any]) -> str:
    """Return `FILE:LINE` of a plugin's function, after the plugin's origin if that is no file."""
    place = place_of_definition(function)
    return place if place.startswith(origin) else f"{origin}: {place}"


def sort_plugins(plugins: list[Plugin], phase: Phase) -> list[Plugin]:
    """Return `plugins`, given in stacking order, in the order of `phase`.

    When tearing down, the in-tree services come last, in reverse.
    """
    if phase not in REVERSED_PHASES:
        return plugins
    services = [plugin for plugin in plugins if plugin.is_service]
    return [plugin for plugin in plugins if not plugin.is_service] + services[::-1]
