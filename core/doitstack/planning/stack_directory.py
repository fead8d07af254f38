"""A stack directory: its settings, its plugins and their plan. Writes nothing to disk."""

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from doitstack.config.bad_values import bad_values, restore_default
from doitstack.config.settings import Settings, load_settings
from doitstack.errors import DoitstackError, PlanError, PluginError, SettingsError
from doitstack.phases import STACK_PHASES, Phase
from doitstack.planning.config_merges import merges_after, merges_before
from doitstack.planning.host_steps import with_host_steps
from doitstack.planning.offered_tasks import offer_mistake
from doitstack.planning.plan import Declared, FutureNames, Plan, make_plan
from doitstack.planning.plugin import TASKS_HOOK, Plugin, sort_plugins
from doitstack.planning.plugin_discovery import find_plugins
from doitstack.planning.setting_mistakes import SettingMistakes, others_act_early, setting_mistakes
from doitstack.stack import Stack
from doitstack.steps import Shell, Step

if TYPE_CHECKING:
    from doitstack.planning.directory_checks import DirectoryChecks

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
        self.is_passing_over = False
        self.passed_over: list[str] = []

    def pass_over_mistakes(self) -> None:
        """From now on, pass over mistakes, so that they do not prevent a teardown.

        The mistakes are in `passed_over`.
        """
        self.is_passing_over = True
        for name, error in bad_values(self.settings):
            self._refuse(error)
            restore_default(self.settings, name)

    @cached_property
    def plugins(self) -> list[Plugin]:
        """All plugins, in the order of the stack phases. Raises PluginError."""
        plugins = find_plugins(
            self.stack.top_dir, self.stack.dest, self.settings.local.plugins, self._refuse
        )
        if not self.is_passing_over:
            return plugins
        return [plugin for plugin in plugins if self._can_be_sourced(plugin)]

    def _refuse(self, error: DoitstackError) -> None:
        """Raise the error, or keep it if mistakes are passed over."""
        if not self.is_passing_over:
            raise error
        if str(error) not in self.passed_over:
            self.passed_over.append(str(error))

    def _can_be_sourced(self, plugin: Plugin) -> bool:
        from doitstack.planning.script_checks import complaints  # noqa: PLC0415 - for a teardown

        errors = [one.text for one in complaints(plugin.scripts) if one.is_error]
        for text in errors:
            self._refuse(PluginError(plugin.name, text))
        return not errors

    def _steps(self, plugin: Plugin, hook: str, **arguments: Settings | Stack) -> list[Step]:
        """Return the steps of a hook; none if it is broken and mistakes are passed over."""
        try:
            return plugin.steps(hook, **arguments)
        except PluginError as error:
            if not self.is_passing_over or hook in _TEARDOWN_HOOKS:
                self._refuse(error)
            return []

    @cached_property
    def _checks(self) -> "DirectoryChecks":
        """The checks of what the user has written."""
        from doitstack.planning.directory_checks import DirectoryChecks  # noqa: PLC0415 - see there

        return DirectoryChecks(self)

    def evaluate_hooks_of_settings(self) -> None:
        """Call the hooks of the settings phases, unless that is done. Raises what they raise."""
        _ = self._sourced

    @property
    def settings_plan(self) -> Plan:
        """The steps of `override_defaults` and `source`."""
        return self._sourced.plan

    @cached_property
    def _sourced(self) -> _Sourced:
        """The result of the hooks of the settings phases, which are called once, here.

        Raises SettingsError for invalid values, which hooks must not meet.
        """
        if mistakes := [str(error) for _, error in bad_values(self.settings)]:
            raise SettingsError("\n".join(mistakes))
        declared = list(self._declared_settings(Phase.OVERRIDE_DEFAULTS))
        with self.settings.late_defaults():
            declared += self._declared_settings(Phase.SOURCE)
        if self.scripts and not self.is_passing_over:
            self._checks.ask_for_trees()
        return _Sourced(self._planned(declared), self.stack)

    def possible_futures(self) -> FutureNames:
        """Return the futures that may be started although the plan does not."""
        return self._checks.possible_futures()

    def futures_beside_the_plan(self) -> FutureNames:
        """Return those of them that need no further service, unless a script may enable it."""
        return self._checks.futures_beside_the_plan()

    def waits_for_other_hosts(self) -> list[tuple[str, str]]:
        """Return FILE:LINE and NAME@HOST of the waits in scripts for futures of other hosts."""
        return self._checks.waits_for_other_hosts()

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
            return make_plan(declared, self.possible_futures)
        except PlanError as error:
            self._refuse(error)
            return Plan(())

    def forget_plans(self) -> None:
        """Call the hooks again for the next plan if steps may have changed their arguments."""
        if self.settings_plan.steps:
            self._plans.clear()

    def _declared(self, phase: Phase, stack: Stack) -> Iterable[Declared]:
        """Return the steps of a phase on all hosts."""
        return with_host_steps(phase, self._declared_here(phase, stack), self.settings)

    def _declared_here(self, phase: Phase, stack: Stack) -> Iterator[Declared]:
        """Yield the steps of a phase: those of the plugins, between the merges of local.conf."""
        yield from merges_before(phase, self.settings, self.stack.top_dir)
        for plugin in sort_plugins(self.plugins, phase):
            yield Declared(phase, plugin, self._steps(plugin, phase.hook, stack=stack))
        yield from merges_after(phase, self.settings, self.stack.top_dir)

    def check(self) -> None:
        """Find all mistakes in scripts and plans that can be found before anything runs.

        Raises PlanError with all of them. Nothing is checked if mistakes are passed over.
        """
        if self.is_passing_over:
            return
        checkout = self.settings.get("DEVSTACK_DIR")
        if checkout and not (Path(checkout) / "stackrc").is_file():
            raise PlanError(f"DEVSTACK_DIR={checkout}: this is not a checkout of DevStack")
        mistakes = self.setting_mistakes.errors
        if self._has_files:
            mistakes = [*self._checks.mistakes(), *mistakes]
        if not mistakes and (self._has_files or self._uses_bash):
            mistakes = self._checks.wrong_commands()
        if mistakes:
            raise PlanError("\n".join(mistakes))
        self.plan([Phase.UNSTACK])
        self.plan([Phase.CLEAN])
        self.tasks()

    @cached_property
    def setting_mistakes(self) -> SettingMistakes:
        """What the checks of plugins find in the settings."""
        services = {plugin.name for plugin in self.plugins if plugin.is_service}
        return setting_mistakes(
            self.plugins,
            self._sourced.stack.settings,
            lambda: others_act_early([self.settings_plan, self.plan()], services),
        )

    @property
    def _has_files(self) -> bool:
        """Whether the user has written settings or scripts, or chosen services."""
        has_chosen = "ENABLED_SERVICES" in self.settings.environ
        return bool(has_chosen or self.settings.local.script or self.scripts)

    @property
    def _uses_bash(self) -> bool:
        """Whether a step of the plan calls a command of the bash session."""
        return any(type(planned.step.action) is Shell for planned in self.plan().steps)

    @property
    def scripts(self) -> list[Path]:
        """The scripts that the bash session may source."""
        return [path for plugin in self.plugins for path in plugin.scripts]

    def check_privileges(self) -> None:
        """Raise PlanError if a script calls sudo and sudo would ask for a password."""
        if self.scripts and not self.is_passing_over:
            self._checks.privileges()

    def make_links(self) -> None:
        """Make the links in /etc and in the stack directory that scripts need."""
        if self.scripts:
            self._checks.make_links()

    def warnings(self) -> list[str]:
        """Return warnings about settings, scripts and plan.

        Raises PlanError with all of them if WARNINGS_AS_ERRORS is set.
        """
        warnings = self._checks.warnings()
        if warnings and self.settings.is_true("WARNINGS_AS_ERRORS"):
            raise PlanError("\n".join(warnings))
        return warnings

    def unused_settings(self) -> list[str]:
        """Return the variables of the user's file that nothing uses, once all plugins are here."""
        return [] if self.plugins_to_fetch() else self._checks.unused_settings()

    def plugins_to_fetch(self) -> list[Path]:
        """Return the places of the plugin repositories that `doit stack` will fetch."""
        places = (self.stack.dest / name for name, _, _ in self.settings.local.plugins)
        return [place for place in places if not place.exists()]

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
