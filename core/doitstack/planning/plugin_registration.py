"""Register plugins that were found: check their hooks and attributes.

Every mistake is a PluginError that names the plugin. Calls no hook.
"""

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

import pluggy

from doitstack import hookspecs
from doitstack.config.settings import SettingCheck
from doitstack.errors import DoitstackError, PluginError
from doitstack.phases import STACK_PHASES
from doitstack.planning.found_plugin import FoundPlugin
from doitstack.planning.plugin import HOOKS, Plugin, place_in
from doitstack.planning.repeated_hooks import repeated_hooks
from doitstack.suggestions import did_you_mean

_MARK = f"{hookspecs.PROJECT}_impl"
"""The attribute that `hookimpl` adds to a function (see pluggy's HookimplMarker)."""


_HOOKABLE = (FunctionType, staticmethod, classmethod, MethodType, MemberDescriptorType)
"""The types of attributes that can be hooks; the last is that of slots."""


class _Manager(pluggy.PluginManager):
    """pluggy's manager, but faster: it examines only attributes that can be hooks."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        """Return the options of a hook implementation, or None if it is none."""
        if name.startswith("__"):
            return None
        found = _static_attribute(plugin, name)
        if isinstance(found, FunctionType):
            options: pluggy.HookimplOpts | None = getattr(found, _MARK, None)
            return options
        return super().parse_hookimpl_opts(plugin, name) if isinstance(found, _HOOKABLE) else None


def _static_attribute(plugin: object, name: str) -> object:
    """Return an attribute as it is stored, as `inspect.getattr_static` does, but quickly."""
    own = plugin.__mro__ if isinstance(plugin, type) else (plugin, *type(plugin).__mro__)
    for holder in own:
        attributes = getattr(holder, "__dict__", {})
        if name in attributes:
            return attributes[name]
    return None


def has_hooks(source: object) -> bool:
    """Return whether a module or object has hook implementations."""
    manager = _Manager(hookspecs.PROJECT)
    return any(manager.parse_hookimpl_opts(source, attribute) for attribute in dir(source))


Refuse = Callable[[DoitstackError], None]
"""Called for a plugin that cannot be used. If it does not raise, the plugin is left out."""


def refuse_all(error: DoitstackError) -> None:
    """Raise the error."""
    raise error


def registered_plugins(found: list[FoundPlugin], refuse: Refuse) -> list[Plugin]:
    """Register the plugins that were found, and return them in that order.

    Calls `refuse` for each that cannot be registered.
    """
    try:
        _refuse_duplicates(found)
        return _registered(found)
    except PluginError as error:
        refuse(error)
        last = max(i for i, one in enumerate(found) if one.name == error.plugin)
        return registered_plugins([*found[:last], *found[last + 1 :]], refuse)


def _refuse_duplicates(found: list[FoundPlugin]) -> None:
    names: dict[str, FoundPlugin] = {}
    sources: dict[int, FoundPlugin] = {}
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


def _registered(found: list[FoundPlugin]) -> list[Plugin]:
    """Register all plugins, and return them with their hook implementations."""
    manager = _manager_of(found)
    hooks = _hooks_of(found, manager)
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
            checked_settings=_checked_settings(one),
            environments=_function(one, "environments"),
            takes_work=_function(one, "takes_work"),
            check_arguments=_function(one, "check_arguments"),
        )
        for one in found
    ]


def _manager_of(found: list[FoundPlugin]) -> _Manager:
    """Return a manager that has registered all. Raises PluginError for an unknown hook."""
    manager = _Manager(hookspecs.PROJECT)
    by_source = {id(one.source): one for one in found}
    for one in found:
        _register(one, manager)
        _refuse_unknown_hooks(one, manager)
    try:
        manager.add_hookspecs(hookspecs)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        one = by_source[id(error.plugin)]
        raise PluginError(one.name, f"{one.origin}: {error}") from error
    return manager


def _register(one: FoundPlugin, manager: _Manager) -> None:
    try:
        manager.register(one.source, one.name)
    except ValueError as error:  # names and objects that come twice are refused before
        raise PluginError(
            one.name,
            f"{one.origin} compares equal to another plugin; remove __eq__ from its class, "
            "or use @dataclass(eq=False)",
        ) from error


def _hooks_of(found: list[FoundPlugin], manager: _Manager) -> dict[str, dict[str, pluggy.HookImpl]]:
    """Return the hook implementations of each plugin, by its name, in the order of HOOKS."""
    hooks: dict[str, dict[str, pluggy.HookImpl]] = {one.name: {} for one in found}
    for hook in HOOKS:
        caller: pluggy.HookCaller = getattr(manager.hook, hook)
        for implementation in caller.get_hookimpls():
            name = implementation.plugin_name
            if hook in hooks[name]:
                raise PluginError(name, f"implements {hook} twice; merge the two functions")
            hooks[name][hook] = implementation
    return hooks


def _refuse_unknown_hooks(one: FoundPlugin, manager: _Manager) -> None:
    """Raise PluginError for hooks, and arguments of hooks, that do not exist."""
    implementations = [
        (caller.name, implementation)
        for caller in manager.get_hookcallers(one.source) or ()
        for implementation in caller.get_hookimpls()
        if implementation.plugin is one.source
    ]
    for hook, implementation in implementations:
        if mistake := _hook_mistake(hook, implementation):
            place = place_in(one.origin, implementation.function)
            raise PluginError(one.name, f"{place}: {mistake}")


def _hook_mistake(hook: str, implementation: pluggy.HookImpl) -> str:
    """Return which hook or argument does not exist, or nothing."""
    if hook not in HOOKS:
        near = did_you_mean(hook, HOOKS) or f"; there are {', '.join(HOOKS)}"
        return f"there is no hook {hook}{near}"
    argument = _argument_of(hook)
    for name in set(implementation.argnames) - {argument}:
        return f"{hook} has no argument {name}; it may take {argument}"
    return ""


@cache
def _argument_of(hook: str) -> str:
    """Return the name of the argument that a hook may take."""
    (argument,) = inspect.signature(getattr(hookspecs, hook)).parameters
    return argument


def _refuse_unusable(
    one: FoundPlugin, hooks: Mapping[str, pluggy.HookImpl], manager: _Manager
) -> None:
    """Raise PluginError for a hook that would never be called, or not as its author expects."""
    for hook, implementation in hooks.items():
        if implementation.wrapper or implementation.hookwrapper:
            raise PluginError(
                one.name, f"{one.origin}: {hook} is a wrapper; yield steps from a plain hook"
            )
    for message in repeated_hooks(() if one.is_service else _modules_of(one)):
        raise PluginError(one.name, message)
    for hook in {phase.hook for phase in STACK_PHASES} & set(dir(one.source)):
        if not manager.parse_hookimpl_opts(one.source, hook):
            place = place_in(one.origin, getattr(one.source, hook))
            raise PluginError(one.name, f"{place}: {hook} is not a hook without @hookimpl")


def _names_of(one: FoundPlugin, attribute: str) -> tuple[str, ...]:
    """Return an attribute with names; a module may use it for something else."""
    services = getattr(one.source, attribute, ())
    if not isinstance(services, (str, list, tuple)):
        return ()
    if isinstance(services, str) or not all(isinstance(name, str) for name in services):
        raise PluginError(
            one.name, f'{one.origin}: {attribute} are names in a tuple: {attribute} = ("g-api",)'
        )
    return tuple(services)


def _checked_settings(one: FoundPlugin) -> Mapping[str, SettingCheck]:
    checks = getattr(one.source, "checked_settings", {})
    if not isinstance(checks, Mapping) or not all(map(callable, checks.values())):
        example = 'checked_settings = {"TIDES_PORT": Settings.port}'
        raise PluginError(one.name, f"{one.origin}: checked_settings are checks by name: {example}")
    return checks


def _function(one: FoundPlugin, name: str) -> Any:
    """Return the function `name`; a module may use the name for something else."""
    function = getattr(one.source, name, None)
    return function if callable(function) else None


def _modules_of(one: FoundPlugin) -> tuple[Path, ...]:
    """Return the Python files of a plugin: its module, and those next to it in a package."""
    if one.scripts:
        return ()
    source = one.source
    name = source.__name__ if isinstance(source, ModuleType) else type(source).__module__
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:
        return ()
    path = Path(file)
    names = os.listdir(path.parent)  # noqa: PTH208 - a tenth of the time of Path.glob
    if "__init__.py" not in names:
        return (path,)
    return tuple(path.with_name(name) for name in sorted(names) if name.endswith(".py"))
