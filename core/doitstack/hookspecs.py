"""The hooks that a plugin may implement: the plugin author's manual.

A hook *declares*: it yields steps, in the order of its own work, and does nothing yet. So the
whole plan is known, listed and checked before anything runs. Implement what you need, leave out
the rest, and take only the arguments that you use.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

from doitstack.steps import Step

if TYPE_CHECKING:
    from doitstack.config.settings import Settings
    from doitstack.stack import Stack

PROJECT = "doitstack"
"""pluggy's project name, and the entry point group of plugins."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

Steps = Iterable[Step] | None
"""What a hook gives back: a generator or list of steps, or nothing."""


@hookspec
def override_defaults(settings: "Settings") -> Steps:
    """Change defaults before any plugin sets its own: `settings.default("KEY", "value")`."""


@hookspec
def source(settings: "Settings") -> Steps:
    """Set your own defaults and enable your services: `settings.enable_service("key")`."""


@hookspec
def stack_pre_install(stack: "Stack") -> Steps:
    """Look whether all is there that you need, before anything is installed."""


@hookspec
def stack_install(stack: "Stack") -> Steps:
    """Install your packages. Slow and independent work belongs into a future."""


@hookspec
def stack_post_config(stack: "Stack") -> Steps:
    """Write configuration, make databases and accounts, start your services."""


@hookspec
def stack_extra(stack: "Stack") -> Steps:
    """Do what needs the services of others to run."""


@hookspec
def stack_test_config(stack: "Stack") -> Steps:
    """Configure tests for the finished stack; wait for what they need."""


@hookspec
def unstack(stack: "Stack") -> Steps:
    """Stop what you started. Called also after a run that failed halfway."""


@hookspec
def clean(stack: "Stack") -> Steps:
    """Remove what you made, after `unstack`."""


@hookspec
def tasks(stack: "Stack") -> Steps:
    """Offer tasks of your own that users run by name once the stack is up: `doit tempest`.

    Each is a `run` step; its name is the task's. Words that follow on the command line are given
    to the callable after its own arguments.
    """
