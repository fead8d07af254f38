"""Write the configuration of services in oslo.config's format. Knows no service."""

from collections.abc import Mapping
from pathlib import Path

from doitstack.errors import SettingsError
from doitstack.files import write_private

Sections = Mapping[str, Mapping[str, str]]
"""Options and their values, by section."""


def write(path: Path, sections: Sections) -> bool:
    """Make `sections` the content of `path` (0600); return whether that changed anything."""
    return write_private(path, text(sections))


def text(sections: Sections) -> str:
    """Return `sections` as text; values mean themselves, so that none refers to another option."""
    return "\n".join(
        "".join((f"[{section}]\n", *(_line(*option) for option in options.items())))
        for section, options in sections.items()
    )


def url_host(host: str) -> str:
    """Return `host` as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def _line(name: str, value: str) -> str:
    if not value.isprintable():
        raise SettingsError(f"the value of {name} holds a line end or another control character")
    # oslo.config takes a $ for the name of another option.
    return f"{name} = {value.replace('$', '$$')}\n"
