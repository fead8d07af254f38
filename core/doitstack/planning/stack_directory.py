"""A stack directory: its settings, its plugins and their plan. Writes nothing to disk."""

import getpass
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from doitstack.config import devstack_tree, etc_links
from doitstack.config.settings import Settings, load_settings
from doitstack.errors import DoitstackError, PlanError, PluginError
from doitstack.phases import STACK_PHASES, Phase
from doitstack.planning.config_merges import merges_after, merges_before
from doitstack.planning.drop_ins import ignored_drop_ins, is_reserved
from doitstack.planning.enabled_services import service_mistakes, service_warnings
from doitstack.planning.known_services import KnownServices
from doitstack.planning.local_conf_sections import section_mistakes, section_warnings
from doitstack.planning.misspelt_settings import misspelt_settings
from doitstack.planning.offered_tasks import offer_mistake
from doitstack.planning.plan import Declared, Plan, make_plan
from doitstack.planning.plugin import TASKS_HOOK, Plugin, sort_plugins
from doitstack.planning.plugin_discovery import find_plugins
from doitstack.planning.plugin_repositories import unmet_requirements
from doitstack.planning.possible_futures import (
    FutureNames,
    possible_futures,
    unknown_waits,
    waits_in_scripts,
)
from doitstack.planning.script_checks import (
    complaints,
    may_be_sourced,
    needs_sudo,
    read_scripts,
    unknown_phases,
    world_warnings,
)
from doitstack.planning.setting_mistakes import SettingMistakes, others_act_early, setting_mistakes
from doitstack.planning.shell_commands import ShellCommands, UnknownCommand, is_plain_name
from doitstack.processes.root import root_command
from doitstack.stack import Stack
from doitstack.steps import Shell, Step

_TEARDOWN_HOOKS = {
    phase.hook for phase in (Phase.OVERRIDE_DEFAULTS, Phase.SOURCE, Phase.UNSTACK, Phase.CLEAN)
}
"""The hooks whose mistakes matter in a teardown."""


class _Sourced(NamedTuple):
    """The result of the hooks of the settings phases: their steps, and the stack they have set up.

    All later phases need this stack: the hooks set defaults and enable services.
    """

    plan: Plan
    stack: Stack


class StackDirectory:
    """The settings, plugins and plans of a stack directory, before anything runs."""

    def __init__(self, top_dir: Path, environ: Mapping[str, str] = os.environ) -> None:
        """Read the settings of `top_dir`. Raises SettingsError."""
        self.settings: Settings = load_settings(top_dir, environ)
        self.stack = Stack(self.settings)
        self._plans: dict[tuple[Phase, ...], Plan] = {}
        self._passes_over = False
        self.passed_over: list[str] = []

    def pass_over_mistakes(self) -> None:
        """From now on, pass over mistakes, so that they do not prevent a teardown.

        The mistakes are in `passed_over`.
        """
        self._passes_over = True

    @cached_property
    def plugins(self) -> list[Plugin]:
        """All plugins, in the order of the stack phases. Raises PluginError."""
        plugins = find_plugins(
            self.stack.top_dir, self.stack.dest, self.settings.local.plugins, self._refuse
        )
        if not self._passes_over:
            return plugins
        return [plugin for plugin in plugins if self._can_be_sourced(plugin)]

    def _refuse(self, error: DoitstackError) -> None:
        """Raise the error, or keep it if mistakes are passed over."""
        if not self._passes_over:
            raise error
        if str(error) not in self.passed_over:
            self.passed_over.append(str(error))

    def _can_be_sourced(self, plugin: Plugin) -> bool:
        errors = [one.text for one in complaints(plugin.scripts) if one.is_error]
        for text in errors:
            self._refuse(PluginError(plugin.name, text))
        return not errors

    def _steps(self, plugin: Plugin, hook: str, **arguments: Settings | Stack) -> list[Step]:
        """Return the steps of a hook; none if it is broken and mistakes are passed over."""
        try:
            return plugin.steps(hook, **arguments)
        except PluginError as error:
            if not self._passes_over or hook in _TEARDOWN_HOOKS:
                self._refuse(error)
            return []

    @property
    def _conf(self) -> Path:
        return self.stack.top_dir / "local.conf"

    @property
    def settings_plan(self) -> Plan:
        """The steps of `override_defaults` and `source`."""
        return self._sourced.plan

    @cached_property
    def _sourced(self) -> _Sourced:
        """The result of the hooks of the settings phases, which are called once, here."""
        declared = list(self._declared_settings(Phase.OVERRIDE_DEFAULTS))
        with self.settings.late_defaults():
            declared += self._declared_settings(Phase.SOURCE)
        return _Sourced(self._planned(declared), self.stack)

    def _possible_futures(self) -> FutureNames:
        """Return the futures that may be started although the plan does not."""
        return possible_futures(self.plugins, self.settings, self._texts.values())

    def _declared_settings(self, phase: Phase) -> Iterator[Declared]:
        for plugin in sort_plugins(self.plugins, phase):
            yield Declared(phase, plugin, self._steps(plugin, phase.hook, settings=self.settings))

    def plan(self, phases: Iterable[Phase] = STACK_PHASES) -> Plan:
        """Return the steps of `phases`. Raises PlanError.

        The hooks are called once, or again after `forget_plans`.
        """
        stack, wanted = self._sourced.stack, tuple(phases)
        if wanted not in self._plans:
            declared = (part for phase in wanted for part in self._declared(phase, stack))
            self._plans[wanted] = self._planned(declared)
        return self._plans[wanted]

    def _planned(self, declared: Iterable[Declared]) -> Plan:
        try:
            return make_plan(declared, self._possible_futures)
        except PlanError as error:
            self._refuse(error)
            return Plan(())

    def forget_plans(self) -> None:
        """Call the hooks again for the next plan if steps may have changed their arguments."""
        if self.settings_plan.steps:
            self._plans.clear()

    def _declared(self, phase: Phase, stack: Stack) -> Iterator[Declared]:
        """Yield the steps of a phase: those of the plugins, between the merges of local.conf."""
        yield from merges_before(phase, self.settings, self.stack.top_dir)
        for plugin in sort_plugins(self.plugins, phase):
            yield Declared(phase, plugin, self._steps(plugin, phase.hook, stack=stack))
        yield from merges_after(phase, self.settings, self.stack.top_dir)

    def check(self) -> None:
        """Find all mistakes in scripts and plans that can be found before anything runs.

        Raises PlanError with all of them. Nothing is checked if mistakes are passed over.
        """
        if self._passes_over:
            return
        checkout = self.settings.get("DEVSTACK_DIR")
        if checkout and not (Path(checkout) / "stackrc").is_file():
            raise PlanError(f"DEVSTACK_DIR={checkout}: this is not a checkout of DevStack")
        mistakes = [
            *section_mistakes(self.settings.local, self._conf, self.plugins, self._texts),
            *(one.text for one in complaints(self.scripts) if one.is_error),
            *service_mistakes(self.settings, self._known_services),
            *self._setting_mistakes.errors,
        ]
        if not mistakes:
            mistakes += [str(one) for one in self._unknown_commands() if one.is_certain]
        if mistakes:
            raise PlanError("\n".join(mistakes))
        self.plan([Phase.UNSTACK])
        self.plan([Phase.CLEAN])
        self.tasks()

    @cached_property
    def _setting_mistakes(self) -> SettingMistakes:
        services = {plugin.name for plugin in self.plugins if plugin.is_service}
        return setting_mistakes(
            self.plugins,
            self._sourced.stack.settings,
            lambda: others_act_early([self.settings_plan, self.plan()], services),
        )

    @cached_property
    def _texts(self) -> Mapping[Path, str]:
        """The texts of all scripts, and of the files that they may source."""
        return read_scripts([*self.scripts, *self._libraries])

    @property
    def scripts(self) -> list[Path]:
        """The scripts that the bash session may source."""
        return [path for plugin in self.plugins for path in plugin.scripts]

    def check_privileges(self) -> None:
        """Raise PlanError if a script calls sudo and sudo would ask for a password."""
        place = needs_sudo(self._texts)
        if place and not self._passes_over and root_command() is None:
            raise PlanError(
                f"{place}: the script runs sudo, which is missing or asks for a password; "
                f"allow it without one (visudo: `{getpass.getuser()} ALL=(ALL) NOPASSWD: ALL`), "
                f"or run as root"
            )

    def make_links(self) -> None:
        """Make the links in /etc and in the stack directory that scripts need."""
        etc_links.make_links(self.settings, self._texts.values())
        devstack_tree.make_links(self.settings, self._texts.values())

    def warnings(self) -> list[str]:
        """Return warnings about settings, scripts and plan.

        Raises PlanError with all of them if WARNINGS_AS_ERRORS is set.
        """
        warnings = self._warnings()
        if warnings and self.settings.is_true("WARNINGS_AS_ERRORS"):
            raise PlanError("\n".join(warnings))
        return warnings

    def _warnings(self) -> list[str]:
        texts = self._texts
        warnings = [*self.settings.local.warnings, *self._setting_mistakes.warnings]
        warnings += service_warnings(self.settings, self._known_services)
        warnings += misspelt_settings(self.settings, self.plugins, texts.values())
        warnings += section_warnings(self.settings.local, self._conf, texts)
        warnings += [*self._plugin_warnings(), *self.plan().warnings]
        warnings += [one.text for one in complaints([*self.scripts, *self._libraries])]
        warnings += [str(one) for one in self._unknown_commands() if not one.is_certain]
        warnings += self._unknown_waits()
        if not self.settings.get("DEVSTACK_DIR"):
            warnings += world_warnings(texts, self.settings)
        warnings += [*unknown_phases(texts), *self._services_left()]
        return warnings

    @cached_property
    def _known_services(self) -> KnownServices:
        return KnownServices(tuple(self.plugins), self._texts)

    def _unknown_commands(self) -> list[UnknownCommand]:
        """Return the commands of futures and steps that do not exist in the bash session."""
        if self.settings.get("DEVSTACK_DIR"):
            # Its functions are not looked at.
            return []
        local = self.settings.local.script or self._conf
        path = f"{self.stack.dest / 'bin'}:{self.settings.get('PATH', os.defpath)}"
        commands = ShellCommands({**self._texts, **read_scripts([local])}, path)
        in_steps = (
            (f"plugin {planned.plugin}", planned.step.action.command.split(maxsplit=1)[0])
            for planned in self.plan().steps
            if type(planned.step.action) is Shell
        )
        calls = [*commands.calls_of_futures(), *in_steps]
        return list(commands.unknown(call for call in calls if is_plain_name(call[1])))

    def _unknown_waits(self) -> list[str]:
        """Return warnings about waits in scripts for futures that nothing starts."""
        waits = list(waits_in_scripts(self._texts))
        if not waits:
            return []
        planned = {one.step.name for one in self.plan().steps if one.is_future}
        return list(
            unknown_waits(waits, self._possible_futures() | FutureNames(frozenset(planned)))
        )

    def _services_left(self) -> Iterator[str]:
        """Yield warnings about services that run although they are not enabled any more."""
        started = [
            name
            for name in self.stack.started_services()
            if any(one.has_disabled(name, self.stack) for one in self.plugins)
        ]
        for one in self.stack.services.status() if started else ():
            if one.name in started and one.pid:
                yield f"service {one.name} is not enabled, but still runs; to end it: doit unstack"

    def _plugin_warnings(self) -> Iterator[str]:
        """Yield warnings about drop-ins and repositories that do not run, or may not in future."""
        for name, _, _ in self.settings.local.plugins:
            place = self.stack.dest / name
            if not place.exists():
                yield f"plugin {name} is not at {place} yet; `doit stack` fetches it"
        others = {plugin.name for plugin in self.plugins}
        yield from unmet_requirements(self.settings.local.plugins, self.stack.dest, others)
        for path in ignored_drop_ins(self.stack.top_dir):
            suffix = ".py" if path.suffix.lower() == ".py" else ".sh"
            yield f"{path} is not run; call it NN-name{suffix}"
        for plugin in self.plugins:
            if is_reserved(Path(plugin.origin)):
                yield f"{plugin.origin}: 00-09 and 90-99 are reserved for doitstack; use 10 to 89"

    @property
    def _libraries(self) -> list[Path]:
        """The files of repositories that their scripts may source."""
        directories = {script.parent for script in self.scripts if script.parent.name == "devstack"}
        found = {
            path
            for directory in directories
            for path in directory.rglob("*")
            if may_be_sourced(path.relative_to(directory)) and path.is_file()
        }
        return sorted(found - set(self.scripts))

    def tasks(self) -> list[tuple[Plugin, Step]]:
        """Return the tasks that plugins offer.

        Raises PluginError for a name that is taken, and for an action that cannot be called.
        """
        stack = self._sourced.stack
        owners = dict.fromkeys((phase.task.partition(":")[0] for phase in Phase), "doitstack")
        offers = []
        for plugin in self.plugins:
            for step in self._steps(plugin, TASKS_HOOK, stack=stack):
                if mistake := offer_mistake(plugin, step, owners):
                    self._refuse(PluginError(plugin.name, mistake))
                    continue
                owners[step.name] = plugin.name
                offers.append((plugin, step))
        return offers
