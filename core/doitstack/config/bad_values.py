"""Which settings of doitstack's own have an invalid value, and their defaults instead."""

from collections.abc import Iterator

from doitstack.config.settings import DEFAULTS, SettingCheck, Settings
from doitstack.errors import SettingsError

MOST_JOBS = 4096
"""The highest number of futures at once: each needs a byte in a pipe, which holds so many."""

_NUMBERS = ("SERVICE_TIMEOUT", "STEP_TIMEOUT", "WARM_IDLE_SECONDS", "KEEP_RUNS")
_TRUTHS = ("DEVSTACK_PARALLEL", "ASYNC_STRICT", "OFFLINE", "WARNINGS_AS_ERRORS")


def _check_ip_version(settings: Settings, name: str) -> None:
    if settings[name] not in ("4", "6"):
        raise settings.mistake(name, "use 4 or 6")


def _check_service_host(settings: Settings, name: str) -> None:
    # By default it is HOST_IP, which has its own check.
    if settings[name] != settings["HOST_IP"]:
        settings.host(name)


def _check_jobs(settings: Settings, name: str) -> None:
    if settings.number(name) > MOST_JOBS:
        raise settings.mistake(name, f"use {MOST_JOBS} at most, or 0 for no limit")


_CHECKS: dict[str, SettingCheck] = {
    **dict.fromkeys(("DATA_DIR", "LOGDIR"), Settings.absolute_path),
    **dict.fromkeys(("HOST_IP", "HOST_IPV6"), Settings.host),
    **dict.fromkeys(_NUMBERS, Settings.number),
    **dict.fromkeys(_TRUTHS, Settings.is_true),
    "SERVICE_HOST": _check_service_host,
    "SERVICE_IP_VERSION": _check_ip_version,
    "ASYNC_JOBS": _check_jobs,
}


def bad_values(settings: Settings) -> Iterator[tuple[str, SettingsError]]:
    """Yield the settings of doitstack's own that have an invalid value, with its error."""
    for name, check in _CHECKS.items():
        try:
            check(settings, name)
        except SettingsError as error:
            yield name, error


def restore_default(settings: Settings, name: str) -> None:
    """Set a setting of doitstack's own to its default."""
    settings.update({name: DEFAULTS.get(name, "").format_map(settings)})
