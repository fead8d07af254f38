"""Check the tasks that plugins offer by name. Calls nothing."""

from collections.abc import Mapping

from doitstack.planning.action_signatures import action_mistake
from doitstack.planning.plugin import Plugin
from doitstack.steps import FUTURE_NAME, Step

_COMMANDS = (
    *("clean", "dumpdb", "forget", "futures", "help", "ignore", "info", "list", "log", "plan"),
    *("plugins", "reset-dep", "restart", "run", "services", "strace", "tabcompletion", "timing"),
)
"""The names of the commands of `doit`; a task of such a name could not be run."""


def offer_mistake(plugin: Plugin, step: Step, owners: Mapping[str, str]) -> str:
    """Return why a plugin cannot offer a task, or nothing."""
    if mistake := action_mistake(step, takes_words=True):
        return mistake
    if not FUTURE_NAME.fullmatch(step.name):
        rule = "use letters, digits, '.', '_' and '-', and start with a letter or digit"
        return f"{plugin.origin} offers the task {step.name!r}; {rule}"
    if step.name in _COMMANDS:
        return f"{plugin.origin} offers the task {step.name}, which is a command; rename it"
    if step.name not in owners:
        return ""
    return f"{plugin.origin} offers the task {step.name}, which {owners[step.name]} has; rename it"
