"""Configuration files in oslo.config's format, and the settings of addresses, of any service."""

import re
from collections.abc import Container, Mapping
from pathlib import Path

from doitstack import Settings
from doitstack.config.addresses import url_host
from doitstack.errors import SettingsError
from doitstack.private_files import write_private

Sections = Mapping[str, Mapping[str, str]]
"""Options and their values, by section."""

ADDITIONS = "additions"
"""The directory, beside a service's own files, of the files that other services add.

It is not called `NAME.conf.d`: oslo.config reads such a directory in `/etc/NAME` unasked, and
`/etc/NAME` may be a link to the files of another stack.
"""


def write(path: Path, sections: Sections, *, special: str = "$") -> bool:
    """Write `sections` to `path` (0600); return whether that changed anything.

    `special` is the character that refers to other options: `%` in files of paste and logging.
    """
    return write_private(path, text(sections, special=special))


def read(path: Path) -> str:
    """Return the content of `path`, merges included; empty if there is none."""
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def text(sections: Sections, *, special: str = "$") -> str:
    """Return `sections` as text, quoted so that no value refers to another option."""
    return "\n".join(
        "".join((f"[{section}]\n", *(_line(*option, special) for option in options.items())))
        for section, options in sections.items()
    )


def with_others(before: str, sections: Sections, absent: Container[tuple[str, str]] = ()) -> str:
    """Return `sections` as text, with the options that only `before`, the old text, has.

    Those in `absent`, as section and name, are ours although `sections` may lack them.
    """
    parts = {section: text({section: options}) for section, options in sections.items()}
    section = ""
    is_other = False
    for line in before.splitlines(keepends=True):
        if match := re.match(r"\[(.+)\]", line):
            section, is_other = match[1], False
            continue
        if match := re.match(r"([^\s#;=:][^=:]*?)\s*[=:]", line):
            is_ours = match[1] in sections.get(section, {}) or (section, match[1]) in absent
            is_other = not is_ours
        if is_other and line.strip() and not line.startswith(("#", ";")):
            parts[section] = parts.get(section, f"[{section}]\n") + line.rstrip("\n") + "\n"
    return "\n".join(parts.values())


def merged(*parts: Sections) -> Sections:
    """Return the options of all parts; a later part wins."""
    found: dict[str, dict[str, str]] = {}
    for part in parts:
        for section, options in part.items():
            found.setdefault(section, {}).update(options)
    return found


def set_address(settings: Settings, prefix: str, port: str, path: str = "") -> None:
    """Set PREFIX_SERVICE_HOST, _PORT and _URI of an API that listens on `port` by default.

    Raises SettingsError for an invalid port.
    """
    host = settings.default(f"{prefix}_SERVICE_HOST", settings["SERVICE_HOST"])
    settings.default(f"{prefix}_SERVICE_PORT", port)
    chosen = settings.port(f"{prefix}_SERVICE_PORT")
    settings.default(f"{prefix}_SERVICE_URI", f"http://{url_host(host)}:{chosen}{path}")


def _line(name: str, value: str, special: str) -> str:
    if not value.isprintable():
        raise SettingsError(f"the value of {name} holds a line end or another control character")
    if special == "$":
        return f"{name} = {_quoted(value)}\n"
    if value != value.strip():
        raise SettingsError(f"the value of {name} begins or ends with a blank")
    return f"{name} = {value.replace(special, special * 2)}\n"


def _quoted(value: str) -> str:
    r"""Return what oslo.config reads as `value`: `\$`, as well as `$$`, stands for `$` there.

    It removes blanks around a value, and then quotes of one kind.
    """
    escaped = re.sub(r"(\\?)\$", lambda match: r"\\$" if match[1] else "$$", value)
    is_changed = value != value.strip() or (value[:1] == value[-1:] != "" and value[0] in "\"'")
    return f'"{escaped}"' if is_changed else escaped
