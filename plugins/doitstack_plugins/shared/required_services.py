"""Check the needs of a service: other services of the stack, and its ports."""

from collections.abc import Callable, Mapping

from doitstack import Stack
from doitstack.config.settings import SettingCheck
from doitstack.errors import DoitstackError, SettingsError, StepError
from doitstack_plugins.shared import subnode

Check = Callable[[], None]
"""Raises a DoitstackError if something is missing or in the way."""


def check(stack: Stack, service: str, *needed: str) -> None:
    """Raise SettingsError, with all that is missing, unless the services `needed` are enabled.

    A subnode uses those of its controller.
    """
    missing = [name for name in needed if not stack.is_service_enabled(name)]
    if missing and not subnode.is_subnode(stack.settings):
        enable = f"add to local.conf: enable_service {' '.join(missing)}"
        raise SettingsError(f"{service} needs {', '.join(missing)}; {enable}")


def check_settings(stack: Stack, checks: Mapping[str, SettingCheck]) -> None:
    """Raise SettingsError for a setting that `checks` refuse; a script may have set it."""
    for name, check_one in checks.items():
        if stack.settings.get(name):
            check_one(stack.settings, name)


def check_all(*checks: Check) -> None:
    """Run all `checks`; raise the error of the one that fails, or StepError with all errors."""
    errors = []
    for check_one in checks:
        try:
            check_one()
        except DoitstackError as error:
            errors.append(error)
    if len(errors) > 1:
        raise StepError("\n".join(map(str, errors)))
    if errors:
        raise errors[0]
