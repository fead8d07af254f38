"""What a service cannot do without: other services of the stack."""

from doitstack import Stack
from doitstack.errors import SettingsError


def check(stack: Stack, service: str, *needed: str) -> None:
    """Raise SettingsError, with all that is missing, unless the services `needed` are enabled."""
    missing = [name for name in needed if not stack.is_service_enabled(name)]
    if missing:
        names = ",".join(missing)
        raise SettingsError(
            f"{service} needs {names} too; add to local.conf: enable_service {' '.join(missing)}"
        )
