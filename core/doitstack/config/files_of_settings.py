"""Checks of settings that name files."""

from pathlib import Path
from urllib.parse import unquote

from doitstack.config.settings import Settings
from doitstack.errors import MissingFileError


def file_or_url(settings: Settings, name: str) -> None:
    """Raise MissingFileError unless the value is a URL or a file, also below the stack directory.

    `file:` URLs must be of files, too.
    """
    place = settings[name].strip()
    scheme, is_url, rest = place.partition("://")
    if is_url and scheme != "file":
        return
    path = Path(unquote(rest[rest.find("/") :])) if is_url else settings.path("TOP_DIR") / place
    if not path.is_file():
        raise MissingFileError(str(settings.mistake(name, f"there is no file {path}")))
