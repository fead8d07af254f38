"""The passwords of a stack: those of the user, or generated once and kept in `$DEST/passwords`."""

import mmap
import os
import re
from collections.abc import Iterable, Mapping, Set
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from doitstack.config.masking import URL_PASSWORD, Mask, Masked, mask_file
from doitstack.errors import SettingsError
from doitstack.private_files import locked, private_directory, read_regular, write_private

if TYPE_CHECKING:
    from doitstack.config.settings import Settings

SHELL_PASSWORDS = ("ADMIN_PASSWORD", "SERVICE_PASSWORD", "DATABASE_PASSWORD", "RABBIT_PASSWORD")
"""The passwords that scripts of DevStack find set."""

_ENDINGS, _WORDS = Path(__file__).with_name("secret_words").read_text(encoding="ascii").splitlines()
"""The words that Python and bash (async.sh) share, in any case: how the names of secrets end, and
values of such names that are no secrets, but switches and words of ours."""

_SECRET = tuple(_ENDINGS.split("|"))
_HARMLESS = rf"(?is)/.*|{_WORDS}"
"""Values that are no secrets; a path is that of a file with one."""

_MIN_SECRET_LENGTH = 5
"""Shorter values are not masked: they occur in ordinary text."""

_LONG_NUMBER = 12
"""Numbers of fewer digits are not masked: pids, ports and sizes look the same."""

_SHARED_BYTES = 1 << 16
"""Secrets beyond so many bytes are not known to the watchdogs."""

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"


def password(settings: Mapping[str, str], name: str) -> str:
    """Return the password `name` (`ADMIN_PASSWORD`) from the settings, or a generated one.

    Side effect: the first call for a name writes it to `$DEST/passwords`, which has
    one NAME=value per line and can be read by its owner only.
    """
    if not re.fullmatch(_NAME, name):
        raise SettingsError(f"{name!r} cannot name a password; use a name like ADMIN_PASSWORD")
    given = settings.get(name)
    if given:
        return _checked(name, given)
    dest = private_directory(Path(settings["DEST"]))
    with locked(dest / ".passwords.lock"):
        return _generated(dest / "passwords", name)


def known_secrets(settings: Mapping[str, str], plugins: Iterable[str] = ()) -> list[str]:
    """Return the values that must not be shown, the longest first.

    They are the settings that are named like a secret, the passwords of all URLs in settings, and
    the generated passwords. `plugins` are the names of plugin repositories.
    """
    names = _names(settings, plugins)
    values = {value for name, value in settings.items() if _is_secret(name)}
    for value in settings.values():
        if "://" in value:
            values |= {quoted for _, quoted in re.findall(URL_PASSWORD, value)}
            values |= {unquote(quoted) for _, quoted in re.findall(URL_PASSWORD, value)}
    with suppress(SettingsError):  # `password` reports it; without it a stack can still be stopped
        values |= set(_read(Path(settings["DEST"]) / "passwords").values())
    return sorted((one for one in values if _can_be_masked(one, names)), key=len, reverse=True)


def _is_secret(name: str) -> bool:
    return name.upper().endswith(_SECRET)


def _names(settings: Mapping[str, str], plugins: Iterable[str]) -> Set[str]:
    """Return the names of services and plugins, in lower case: each line of a run may have one."""
    return {name.lower() for name in (*settings.get("ENABLED_SERVICES", "").split(","), *plugins)}


def _can_be_masked(value: str, names: Set[str]) -> bool:
    if len(value) < _MIN_SECRET_LENGTH or (value.isdecimal() and len(value) < _LONG_NUMBER):
        return False
    return value.lower() not in names and not re.fullmatch(_HARMLESS, value)


def unmasked_names(settings: "Settings") -> list[str]:
    """Return the secrets of local.conf that are shown, since they are names of the stack, too."""
    names = _names(settings, _repositories(settings)) - {""}
    given = settings.local.variables.items()
    return [name for name, value in given if _is_secret(name) and value.lower() in names]


def _repositories(settings: "Settings") -> list[str]:
    return [plugin.name for plugin in settings.local.plugins]


def known_mask(settings: "Settings") -> Mask:
    """Return the mask of the secrets that are known of a stack now."""
    return Mask(known_secrets(settings, _repositories(settings)))


class Secrets:
    """The values that must not be shown in a run, read again only if they may have changed.

    Every future start needs this list, so it is cached: to rebuild it would touch, and after a fork
    copy, many pages of memory. It is also in shared memory, for the watchdogs.
    """

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self._file = f"{settings['DEST']}/passwords"
        self._state: tuple[int, ...] = ()
        self._learned: set[str] = set()
        self._shared = mmap.mmap(-1, _SHARED_BYTES)
        self._pid = os.getpid()
        self._known: list[str] = []
        self._mask = Mask()

    @property
    def known(self) -> list[str]:
        """The values, the longest first."""
        self._update()
        return self._known

    @property
    def mask(self) -> Mask:
        """The mask of these values."""
        self._update()
        return self._mask

    def learn(self, secret: str) -> None:
        """Add a secret that is not the value of a setting."""
        self._learned.add(secret)
        self._update()

    def _update(self) -> None:
        state = (self._settings.changes, len(self._learned), *_stamp(self._file))
        if state != self._state:
            self._state, known = state, self._find()
            if known != self._known:
                self._known, self._mask = known, Mask(known)
                self._share()

    def _share(self) -> None:
        if os.getpid() == self._pid:
            texts = "\0".join(self._known).encode(errors="surrogateescape")[:_SHARED_BYTES]
            self._shared[:] = texts.ljust(_SHARED_BYTES, b"\0")

    def learn_from_parent(self) -> None:
        """In a forked child: add the secrets that the parent has found since."""
        self._learned.update(self._shared[:].decode(errors="surrogateescape").split("\0"))

    def _find(self) -> list[str]:
        repositories = _repositories(self._settings)
        names = _names(self._settings, repositories)
        learned = {one for one in self._learned if _can_be_masked(one, names)}
        found = {*known_secrets(self._settings, repositories), *learned}
        return sorted(found, key=len, reverse=True)

    def redact(self, text: str) -> str:
        """Return `text` with stars for each secret."""
        return self.mask.text(text)

    def mask_file(self, path: Path | str) -> Masked:
        """Overwrite each secret in a file with stars."""
        return mask_file(path, self.mask)


def _stamp(path: str) -> tuple[int, ...]:
    """Return a value that changes when a file is written; () if it does not exist."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path needs many objects
    except FileNotFoundError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _checked(name: str, value: str) -> str:
    # A line end would let a password write further lines of a service's configuration.
    if not value.isprintable():
        raise SettingsError(
            f"{name} contains a line end or another control character; choose another"
        )
    return value


def _generated(path: Path, name: str) -> str:
    known = _read(path)
    if not known.get(name):
        known[name] = os.urandom(16).hex()
        write_private(path, "".join(f"{key}={value}\n" for key, value in known.items()))
    return _checked(name, known[name])


def _read(path: Path) -> dict[str, str]:
    """Return the passwords of a file. Raises SettingsError if it cannot be read."""
    try:
        lines = read_regular(path).decode("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(
            f"{path}: cannot be read: {reason}; restore it, or `doit clean` and start again"
        ) from error
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {key.strip(): value for key, _, value in pairs}
