"""Mistakes and warnings in what the user has written: settings, scripts, names of services.

A stack directory without any of these is listed without this module, and all that it imports.
"""

import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING

from doitstack.config import devstack_tree, etc_links
from doitstack.config.hosts import host_names
from doitstack.config.passwords import unmasked_names
from doitstack.errors import PlanError
from doitstack.planning.drop_ins import ignored_drop_ins, is_reserved
from doitstack.planning.enabled_services import service_mistakes, service_warnings
from doitstack.planning.known_services import KnownServices
from doitstack.planning.local_conf_sections import section_mistakes, section_warnings
from doitstack.planning.misspelt_settings import (
    misspelt_settings,
    unset_in_sections,
    unused_settings,
)
from doitstack.planning.plan import FutureNames
from doitstack.planning.plugin_repositories import unmet_requirements
from doitstack.planning.possible_futures import (
    futures_beside_the_plan,
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
from doitstack.planning.shell_commands import ShellCommands, UnknownCommand, is_plain_name
from doitstack.processes.root import root_command
from doitstack.source_trees import ask_for_trees_of_scripts, tree_mistakes
from doitstack.steps import Shell

if TYPE_CHECKING:
    from doitstack.planning.stack_directory import StackDirectory


class DirectoryChecks:
    """The checks of a stack directory. They run nothing and write nothing."""

    def __init__(self, directory: "StackDirectory") -> None:
        self._directory = directory
        self._settings = directory.settings
        self._stack = directory.stack
        self._conf = self._stack.top_dir / "local.conf"

    def mistakes(self) -> Iterator[str]:
        """Yield the mistakes in settings, the syntax of scripts, and names of services."""
        plugins, scripts = self._directory.plugins, self._directory.scripts
        hosts = host_names(self._settings)
        yield from section_mistakes(self._settings.local, self._conf, plugins, self._texts, hosts)
        yield from (one.text for one in complaints(scripts) if one.is_error)
        if not self._directory.plugins_to_fetch():
            yield from service_mistakes(self._settings, self._known_services)
        yield from tree_mistakes(self._settings, self._texts.values())

    def wrong_commands(self) -> list[str]:
        """Return the commands of futures and steps that certainly do not exist."""
        return [str(one) for one in self._unknown_commands() if one.is_certain]

    def possible_futures(self) -> FutureNames:
        """Return the futures that may be started although the plan does not."""
        names = possible_futures(self._directory.plugins, self._settings, self._texts.values())
        return names | self._of_missing_plugins()

    def futures_beside_the_plan(self) -> FutureNames:
        """Return those of them that need no further service, unless a script may enable it."""
        plugins, texts = self._directory.plugins, self._texts.values()
        names = futures_beside_the_plan(plugins, self._settings, texts)
        return names | self._of_missing_plugins()

    def _of_missing_plugins(self) -> FutureNames:
        """Return all names if a plugin is not here yet, which may start any."""
        return FutureNames(computed=frozenset([".*"] if self._directory.plugins_to_fetch() else []))

    def waits_for_other_hosts(self) -> list[tuple[str, str]]:
        """Return FILE:LINE and NAME@HOST of the waits in scripts whose names are written out."""
        return [(place, name) for place, name in waits_in_scripts(self._texts) if "@" in name]

    def privileges(self) -> None:
        """Raise PlanError if a script calls sudo and sudo would ask for a password."""
        place = needs_sudo(self._texts)
        if place and root_command() is None:
            raise PlanError(
                f"{place}: the script runs sudo, which is missing or asks for a password; "
                f"allow it without one (visudo: `{getuser()} ALL=(ALL) NOPASSWD: ALL`), "
                f"or run as root"
            )

    def ask_for_trees(self) -> None:
        """Let services whose source trees scripts name run from them, as with DevStack."""
        ask_for_trees_of_scripts(self._settings, self._texts.values())

    def make_links(self) -> None:
        """Make the links in /etc and in the stack directory that scripts need."""
        etc_links.make_links(self._settings, self._texts.values())
        devstack_tree.make_links(self._settings, self._texts.values())

    def warnings(self) -> list[str]:
        """Return warnings about settings, scripts and plan."""
        texts, plugins = self._texts, self._directory.plugins
        plan, scripts = self._directory.plan(), self._directory.scripts
        warnings = [*self._settings.local.warnings, *self._directory.setting_mistakes.warnings]
        warnings += service_warnings(self._settings, self._known_services)
        if self._directory.plugins_to_fetch():
            warnings += service_mistakes(self._settings, self._known_services)
        warnings += misspelt_settings(self._settings, plugins, texts.values())
        if not self._directory.plugins_to_fetch():
            warnings += unset_in_sections(self._settings, self._conf, plugins, texts.values())
        warnings += [
            f"{name} is not masked: its value is the name of a service or plugin; choose another"
            for name in unmasked_names(self._settings)
        ]
        warnings += section_warnings(self._settings.local, self._conf, texts)
        warnings += [*self._plugin_warnings(), *plan.warnings]
        warnings += [one.text for one in complaints([*scripts, *self._libraries])]
        warnings += [str(one) for one in self._unknown_commands() if not one.is_certain]
        warnings += self._unknown_waits()
        if not self._settings.get("DEVSTACK_DIR"):
            warnings += world_warnings(texts, self._settings)
        warnings += [*unknown_phases(texts), *self._services_left()]
        return warnings

    def unused_settings(self) -> list[str]:
        """Return the variables of the user's file that nothing uses."""
        return unused_settings(self._settings, self._directory.plugins, self._texts.values())

    @cached_property
    def _texts(self) -> Mapping[Path, str]:
        """The texts of all scripts, and of the files that they may source."""
        return read_scripts([*self._directory.scripts, *self._libraries])

    @property
    def _libraries(self) -> list[Path]:
        """The files of repositories that their scripts may source."""
        scripts = self._directory.scripts
        directories = {script.parent for script in scripts if script.parent.name == "devstack"}
        found = {
            path
            for directory in directories
            for path in directory.rglob("*")
            if may_be_sourced(path.relative_to(directory)) and path.is_file()
        }
        return sorted(found - set(scripts))

    @cached_property
    def _known_services(self) -> KnownServices:
        return KnownServices(tuple(self._directory.plugins), self._texts)

    def _unknown_commands(self) -> list[UnknownCommand]:
        """Return the commands of futures and steps that do not exist in the bash session."""
        if self._settings.get("DEVSTACK_DIR"):
            # Its functions are not looked at.
            return []
        local = self._settings.local.script or self._conf
        path = f"{self._stack.dest / 'bin'}:{self._settings.get('PATH', os.defpath)}"
        commands = ShellCommands({**self._texts, **read_scripts([local])}, path)
        in_steps = (
            (f"plugin {planned.plugin}", planned.step.action.command.split(maxsplit=1)[0])
            for planned in self._directory.plan().steps
            if type(planned.step.action) is Shell
        )
        calls = [*commands.calls_of_futures(), *in_steps]
        return list(commands.unknown(call for call in calls if is_plain_name(call[1])))

    def _unknown_waits(self) -> list[str]:
        """Return warnings about waits in scripts for futures that nothing starts."""
        waits = list(waits_in_scripts(self._texts))
        if not waits:
            return []
        planned = {one.step.name for one in self._directory.plan().steps if one.is_future}
        known = self.possible_futures() | FutureNames(frozenset(planned))
        return list(unknown_waits(waits, known))

    def _services_left(self) -> Iterator[str]:
        """Yield warnings about services that run although they are not enabled any more."""
        started = [
            name
            for name in self._stack.started_services()
            if any(one.has_disabled(name, self._stack) for one in self._directory.plugins)
        ]
        for one in self._stack.services.status() if started else ():
            if one.name in started and one.pid:
                yield f"service {one.name} is not enabled, but still runs; to end it: doit unstack"

    def _plugin_warnings(self) -> Iterator[str]:
        """Yield warnings about drop-ins and repositories that do not run, or may not in future."""
        repositories, dest = self._settings.local.plugins, self._stack.dest
        for name, _, _ in repositories:
            if not (dest / name).exists():
                yield f"plugin {name} is not at {dest / name} yet; `doit stack` fetches it"
        others = {plugin.name for plugin in self._directory.plugins}
        yield from unmet_requirements(repositories, dest, others)
        for path in ignored_drop_ins(self._stack.top_dir):
            suffix = ".py" if path.suffix.lower() == ".py" else ".sh"
            yield f"{path} is not run; call it NN-name{suffix}"
        for plugin in self._directory.plugins:
            if is_reserved(Path(plugin.origin)):
                yield f"{plugin.origin}: 00-09 and 90-99 are reserved for doitstack; use 10 to 89"
