"""The hooks that a plugin may implement: the plugin author's manual.

A hook *declares*: it yields steps, in the order of its work, and does nothing itself. So the whole
plan is known, listed and checked before anything runs. Implement only the hooks that you need, with
only the arguments that you use.
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
"""The result of a hook: a generator or list of steps, or None."""


@hookspec
def override_defaults(settings: "Settings") -> Steps:
    """Change defaults before any plugin sets its own: `settings.default("KEY", "value")`."""


@hookspec
def source(settings: "Settings") -> Steps:
    """Set your own defaults and enable your services: `settings.enable_service("key")`."""


@hookspec
def stack_pre_install(stack: "Stack") -> Steps:
    """Check your requirements, before anything is installed."""


@hookspec
def stack_install(stack: "Stack") -> Steps:
    """Install your packages. Put slow and independent work into a future."""


@hookspec
def stack_post_config(stack: "Stack") -> Steps:
    """Write configuration, create databases and accounts, start your services."""


@hookspec
def stack_extra(stack: "Stack") -> Steps:
    """Do work that needs the running services of other plugins."""


@hookspec
def stack_test_config(stack: "Stack") -> Steps:
    """Configure tests for the finished stack; wait for the futures that they need."""


@hookspec
def unstack(stack: "Stack") -> Steps:
    """Stop what you started. Also called after a run that failed."""


@hookspec
def clean(stack: "Stack") -> Steps:
    """Remove what you created, after `unstack`."""


@hookspec
def tasks(stack: "Stack") -> Steps:
    """Offer tasks that users can run by name after `doit stack`, for example `doit tempest`.

    Each is a `run` step; its name is the name of the task. Further words on the command line are
    passed to the callable after its own arguments.
    """
