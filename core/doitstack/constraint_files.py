"""The texts of constraints, which are files or URLs."""

from collections.abc import Sequence
from pathlib import Path

from doitstack.errors import SettingsError

_URLS = ("http://", "https://", "file://")


def text(constraints: str) -> str:
    """Return the text of a constraints file, also if it is a URL. Raises SettingsError."""
    if not constraints.startswith(_URLS):
        return content(constraints)
    from urllib.request import urlopen  # noqa: PLC0415 - for trees with such constraints alone

    try:
        with urlopen(constraints) as answer:  # noqa: S310 - one of _URLS
            found: bytes = answer.read()
    except OSError as error:
        raise _unreadable(constraints, str(error)) from error
    return found.decode()


def content(constraints: str) -> str:
    """Return the content of a constraints file; for a URL, the URL."""
    if not constraints or constraints.startswith(_URLS):
        return constraints
    try:
        return Path(constraints).read_text(encoding="utf-8")
    except OSError as error:
        raise _unreadable(constraints, error.strerror or "") from error


def pins(constraints: str, requirements: Sequence[str]) -> list[str]:
    """Return requirements with their versions, which uv demands if it is to require hashes.

    There are none if the constraints have no hashes of one of them, as that of another plugin. Then
    uv checks the hashes that they have.
    """
    found: dict[str, list[str]] = {}
    for line in content(constraints).splitlines():
        pin, has_hashes, _ = line.partition(" \\")
        name, is_pin, _ = pin.partition("==")
        if is_pin and has_hashes:
            found.setdefault(name, []).append(pin)
    if not found.keys() >= set(requirements):
        return []
    return [pin for name in requirements for pin in found[name]]


def _unreadable(constraints: str, reason: str) -> SettingsError:
    return SettingsError(
        f"cannot read the constraints {constraints}: {reason}; "
        "set UPPER_CONSTRAINTS_FILE in local.conf to a file or a URL"
    )
