"""Links in /etc to the configuration of in-tree services, for scripts of root that name DevStack's.

`clean` removes them. What is in /etc already, of whomever, is not touched. Where we may not write
to /etc, the links are in a directory of the stack, in which programs of services look, too.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from doitstack.config.settings import Settings

ETC = Path("/etc")

PROJECTS = ("keystone", "glance", "placement", "neutron", "nova", "cinder", "swift")
_NAMED = (
    rf"/etc/({'|'.join(PROJECTS)})(?![\w-])"
    rf"|(?<![\w-])({'|'.join(PROJECTS)})(?:-db)?-(?:manage|status)(?![\w-])"
)
"""Names of the directories, and programs that look for their configuration there."""


def make_links(settings: Settings, texts: Iterable[str]) -> None:
    """Make the links that the texts of scripts need."""
    from doitstack.config.shared_directories import shared_directory  # noqa: PLC0415 - only here

    etc = ETC if os.access(ETC, os.W_OK) else _own_etc(settings)
    found = (pair for text in texts for pair in re.findall(_NAMED, text))
    for project in sorted({name for pair in found for name in pair if name}):
        directory = settings.get(f"{project.upper()}_CONF_DIR")
        link = etc / project
        if directory and not os.path.lexists(link) and shared_directory(settings, Path(directory)):
            with suppress(OSError):
                if etc != ETC:
                    etc.mkdir(parents=True, exist_ok=True)
                link.symlink_to(directory)


def variables(settings: Settings) -> dict[str, str]:
    """Return the environment variables by which programs find the links that are not in /etc.

    Of all services, oslo.config looks in `$SNAP_COMMON/etc/PROJECT` after `/etc/PROJECT`.
    """
    own = _own_etc(settings)
    return {"SNAP_COMMON": str(own.parent)} if own.is_dir() else {}


def _own_etc(settings: Settings) -> Path:
    return settings.path("DATA_DIR") / "oslo.config" / "etc"


def can_link(settings: Settings, project: str) -> bool:
    """Return whether /etc/PROJECT is, or can be made, a link to the configuration of this stack."""
    if os.path.lexists(ETC / project):
        return ETC / project in links(settings)
    return os.access(ETC, os.W_OK)


def links(settings: Settings) -> Iterator[Path]:
    """Yield the links into DEST and DATA_DIR that exist."""
    ours = (settings.path("DEST"), settings.path("DATA_DIR"))
    for link in (ETC / project for project in PROJECTS):
        if link.is_symlink() and any(place in link.readlink().parents for place in ours):
            yield link
