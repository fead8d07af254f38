"""`doit` without its in-tree services: their steps are planned, and those that make files run.

Configuration is written, and source trees are fetched. All other steps of Python plugins do
nothing, and so do the requests of scripts for processes and accounts.
"""

import subprocess
import sys
from dataclasses import replace
from typing import Any

from doit.__main__ import main

from doitstack.bash import request_handlers
from doitstack.planning.plugin import Plugin
from doitstack.source_trees import SourceTree
from doitstack.stack import Stack
from doitstack.steps import Kind, Step
from doitstack_plugins.shared import sdists

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
    return [step if _is_kept(plugin, step) else _idle(step) for step in declared]


def _is_kept(plugin: Plugin, step: Step) -> bool:
    if step.kind is Kind.RUN:
        return plugin.is_service and step.name.startswith(_WRITE)
    return step.kind is Kind.ASYNC_WAIT


def _idle(step: Step) -> Step:
    return replace(step, action=_nothing, doit={})


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
