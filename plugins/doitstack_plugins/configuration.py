"""What services are configured with: files in oslo.config's format, addresses. Knows no service."""

from collections.abc import Mapping
from pathlib import Path

from doitstack import Settings
from doitstack.errors import SettingsError
from doitstack.files import write_private

Sections = Mapping[str, Mapping[str, str]]
"""Options and their values, by section."""


def write(path: Path, sections: Sections) -> bool:
    """Make `sections` the content of `path` (0600); return whether that changed anything."""
    return write_private(path, text(sections))


def read(path: Path) -> str:
    """Return the content of `path`, merges included; empty if there is none."""
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def text(sections: Sections) -> str:
    """Return `sections` as text; values mean themselves, so that none refers to another option."""
    return "\n".join(
        "".join((f"[{section}]\n", *(_line(*option) for option in options.items())))
        for section, options in sections.items()
    )


def url_host(host: str) -> str:
    """Return `host` as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def set_address(settings: Settings, prefix: str, port: str, path: str = "") -> None:
    """Set PREFIX_SERVICE_HOST, _PORT and _URI of an API that listens at `port` unless told else."""
    host = settings.default(f"{prefix}_SERVICE_HOST", settings["SERVICE_HOST"])
    chosen = settings.default(f"{prefix}_SERVICE_PORT", port)
    settings.default(f"{prefix}_SERVICE_URI", f"http://{url_host(host)}:{chosen}{path}")


def _line(name: str, value: str) -> str:
    if not value.isprintable():
        raise SettingsError(f"the value of {name} holds a line end or another control character")
    # oslo.config takes a $ for the name of another option.
    return f"{name} = {value.replace('$', '$$')}\n"
