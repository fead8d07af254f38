"""`doit` without its in-tree services: their steps are planned, and those that make files run.

Configuration is written, and source trees are fetched. All other steps of Python plugins do
nothing, and so do the requests of scripts for processes and accounts.
"""

import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from doit.__main__ import main

from doitstack.bash import request_handlers
from doitstack.planning.plugin import Plugin
from doitstack.source_trees import SourceTree
from doitstack.stack import Stack
from doitstack.steps import Kind, Step
from doitstack_plugins.shared import sdists
from doitstack_plugins.shared.service import Service

IDENTIFIER = "0123456789abcdef0123456789abcdef"
"""That of all objects of the stub of `openstack`."""

_WRITE = ("configure_", "write_clouds")
"""The beginnings of the names of steps that write files."""

_declared = Plugin.steps


def steps(plugin: Plugin, hook: str, **arguments: Any) -> list[Step]:
    """Return the steps that a plugin declares, without their work if it has no scripts."""
    declared = _declared(plugin, hook, **arguments)
    if plugin.scripts or plugin.name == "source_trees":
        return declared
    return [_alone(plugin, hook, step) for step in declared]


def _alone(plugin: Plugin, hook: str, step: Step) -> Step:
    """Return the step as it is if it writes files or waits, and else with another action."""
    is_written = step.kind is Kind.RUN and step.name.startswith(_WRITE)
    if step.kind is Kind.ASYNC_WAIT or (plugin.is_service and is_written):
        return step
    service = plugin.hooks[hook].plugin
    is_installed = isinstance(service, Service) and step.name == f"install_{service.name}"
    action = partial(_install, service) if is_installed else _nothing
    return replace(step, action=action, doit={})


def _install(service: Service, stack: Stack) -> None:
    """Put the programs of a service where they are found, with its manager first in PATH."""
    environment = service.environment(stack)
    _uv("venv", environment.path)
    _uv("pip", "install", "--python", environment.python, *service.requirements)
    if service.manage:
        program = stack.dest / "bin" / service.manage
        program.parent.mkdir(exist_ok=True)
        program.symlink_to(environment.program(service.manage))


def _uv(*words: str | Path) -> None:
    subprocess.run(["uv", *words], check=True)


def _nothing(_stack: Stack, *_arguments: Any) -> None:
    pass


def answer(_stack: Stack, *_arguments: str) -> str:
    """Answer a request for an object."""
    return IDENTIFIER


def accept(_stack: Stack, *_arguments: str) -> str:
    """Answer a request for a process."""
    return ""


def clone(_stack: Stack, tree: SourceTree) -> None:
    """Make a source tree from the copy of its project, in place of its source distribution."""
    if not tree.is_there:
        source = tree.directory.with_name(f".{tree.directory.name}")
        subprocess.run(["git", "clone", tree.repository, source], check=True)
        sdists._move_files_of_scripts(tree.directory, source)
        source.rename(tree.directory)


def replace_services() -> None:
    """Let the stack have no services."""
    Plugin.steps = steps  # type: ignore[method-assign,assignment]
    sdists.unpack = clone
    for verb in request_handlers.VERBS:
        if verb.startswith("get_or_"):
            request_handlers.VERBS[verb] = answer
        elif verb.endswith("_process"):
            request_handlers.VERBS[verb] = accept


if __name__ == "__main__":
    replace_services()
    sys.exit(main())
