"""The settings of a run: defaults, overridden by `local.conf`, overridden by the environment."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from doitstack.config.addresses import host_address, is_host, url_host
from doitstack.config.local_conf import LocalSettings, read_local_settings
from doitstack.errors import SettingsError

DEFAULTS = {
    "DEST": "{TOP_DIR}/.stack",
    "ENABLED_SERVICES": "key,tempest",
    "DEVSTACK_PARALLEL": "True",
    "ASYNC_JOBS": "0",
    "ASYNC_STRICT": "False",
    "WARNINGS_AS_ERRORS": "False",
    "HOST_IP": "127.0.0.1",
    "HOST_IPV6": "::1",
    "SERVICE_IP_VERSION": "4",
    "SERVICE_HOST": "{HOST_IP}",
    "SERVICE_TIMEOUT": "600",
    "STEP_TIMEOUT": "0",
    "REGION_NAME": "RegionOne",
    "DATA_DIR": "{DEST}/data",
    "LOGDIR": "{DEST}/logs",
    "WARM_IDLE_SECONDS": "1800",
    "KEEP_RUNS": "100",
    "THIS_HOST": "controller",
}
"""The defaults. They are set before `local.conf` is read, which can use them, except those that
depend on what `local.conf` sets."""

WITHOUT_DEFAULT = frozenset(
    {
        *("ADMIN_PASSWORD", "DATABASE_PASSWORD", "RABBIT_PASSWORD", "SERVICE_PASSWORD"),
        *("DISABLED_SERVICES", "DOITSTACK_CACHE_DIR", "ERROR_ON_CLONE", "UPPER_CONSTRAINTS_FILE"),
        *("ALL_HOSTS", "HOSTS", "HOSTS_FILE", "HOSTS_SSH_OPTIONS"),
    }
)
"""Further settings that users may set."""

MOST = 999_999_999
"""The largest number of a setting; 31 years, if it is a time in seconds."""

_AFTER_LOCAL_CONF = ("DATA_DIR", "LOGDIR", "SERVICE_HOST")

_SPECIAL = frozenset("$%:")
"""Characters that have a meaning in OpenStack's configuration or in PATH."""

_OWN_TO_LOCAL_CONF = frozenset({"PATH"})
"""The variables that `local.conf` may change although the environment sets them."""

_TRUE = frozenset({"1", "y", "yes", "t", "true", "on"})
_FALSE = frozenset({"0", "n", "no", "f", "false", "off", ""})

_GROUPS = {
    "nova": "n-",
    "glance": "g-",
    "cinder": "c-",
    "swift": "s-",
    "trove": "tr-",
    "placement": "placement-",
}
"""Services that are enabled if any service with the prefix is."""


class Settings(Mapping[str, str]):
    """The values that `local.conf`, the environment and the plugins have set, by name.

    Attributes:
        local: the user's file as it was read.
        environ: the names that the environment sets.
        late: the names that hooks of `source` set; scripts do not see them in override_defaults,
            which comes before.
        changes: a counter that grows with every change.
        with_default: the names that have a default.
        user_services, user_disabled: the services that the user has enabled and disabled.
    """

    def __init__(self, values: dict[str, str], local: LocalSettings, environ: frozenset[str]):
        self._values = values
        self.local = local
        self.environ = environ
        self.late: frozenset[str] = frozenset()
        self.changes = 0
        self.with_default = set(DEFAULTS)
        self.user_services = self.services
        self.user_disabled: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> str:
        try:
            return self._values[name]
        except KeyError:
            raise SettingsError(f"{name} is not set; set it in local.conf") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        """Return the value of `name`, or `default` where it is not set or empty."""
        return self._values.get(name) or default

    def default(self, name: str, value: str | float | Path) -> str:
        """Set `name` unless it is set already, and return its value, which is text.

        Raises TypeError for what is neither text nor a number or path.
        """
        if not isinstance(name, str) or not isinstance(value, (str, int, float, Path)):
            raise TypeError(f"a default is a name and its text: got {name!r}, {value!r}")
        self.with_default.add(name)
        if not self._values.get(name):
            self.changes += 1
            self._values[name] = str(value)
        return self._values[name]

    @contextmanager
    def late_defaults(self) -> Iterator[None]:
        """Record the names that are set in the block, and not before, as `late`."""
        known = frozenset(self)
        yield
        self.late = frozenset(self) - known

    def update(self, changed: Mapping[str, str]) -> None:
        """Set the values that the bash session has changed."""
        self.changes += 1
        self._values.update({k: v for k, v in changed.items() if k != "TOP_DIR"})

    def path(self, name: str) -> Path:
        """Return the value of `name` as a path."""
        return Path(self[name])

    def is_true(self, name: str, *, default: bool = False) -> bool:
        """Return whether `name` is true in DevStack's spelling: True, yes, 1; False, no, 0."""
        value = self._values.get(name, "").strip().lower()
        if value not in _TRUE | _FALSE:
            raise self.mistake(name, "use True or False")
        return default if value == "" else value in _TRUE

    def number(self, name: str) -> int:
        """Return `name` as a whole number from 0 to MOST."""
        text = self[name].strip()
        if not text.isdecimal():
            raise self.mistake(name, "use a whole number, 0 or more")
        if len(text) > len(str(MOST)):
            raise self.mistake(name, f"use a whole number up to {MOST}")
        return int(text)

    def port(self, name: str) -> int:
        """Return `name` as a TCP port."""
        port = self.number(name)
        if not 0 < port < 65536:
            raise self.mistake(name, "a port is a number from 1 to 65535")
        return port

    def host(self, name: str) -> str:
        """Return `name` as an IP address or the name of a host; it may be empty."""
        if self[name] and not is_host(self[name]):
            raise self.mistake(name, "use an IP address or the name of a host")
        return self[name]

    def absolute_path(self, name: str) -> Path:
        """Return `name` as a path that does not depend on a working directory."""
        if not self.path(name).is_absolute():
            raise self.mistake(name, "use an absolute path")
        return self.path(name)

    def network(self, name: str) -> IPv4Network | IPv6Network:
        """Return `name` as a range of addresses: `10.0.0.0/22`."""
        try:
            address, length = self[name].split("/")
            return ip_network((address.strip(), int(length)))
        except ValueError:
            raise self.mistake(name, "use a range of addresses, such as 10.0.0.0/22") from None

    def urls(self, name: str) -> list[str]:
        """Return `name` as URLs, which commas or blanks separate."""
        urls = self[name].replace(",", " ").split()
        if not all(re.match(r"[a-z][a-z0-9+.-]*://.", url, re.IGNORECASE) for url in urls):
            raise self.mistake(name, "use URLs, such as https://HOST/PATH or file:///PATH")
        return urls

    def is_users(self, name: str) -> bool:
        """Return whether local.conf or the environment sets `name`."""
        return name in self.local.variables or name in self.environ

    def mistake(self, name: str, remedy: str) -> SettingsError:
        """Return the error for a bad value of `name`, with its line if the user's file sets it."""
        is_local = name in self.local.variables and name not in self.environ
        place = self.local.place_of(name) if is_local else ""
        return SettingsError(f"{place and f'{place}: '}{name}={self[name][:80]}: {remedy}")

    @property
    def services(self) -> tuple[str, ...]:
        """The enabled services; a name with `-` in front removes an earlier one."""
        enabled: list[str] = []
        for word in self._values.get("ENABLED_SERVICES", "").replace(",", " ").split():
            if word.startswith("-"):
                enabled = [name for name in enabled if name != word[1:]]
            elif word not in enabled:
                enabled.append(word)
        return tuple(enabled)

    def is_service_enabled(self, *names: str) -> bool:
        """Return whether any of `names` is enabled, with DevStack's meanings of group names."""
        enabled = self.services
        return any(_is_enabled(name, enabled) for name in names)

    def enable_service(self, *names: str) -> None:
        """Add services to ENABLED_SERVICES, except those that have been disabled."""
        if not all(isinstance(name, str) for name in names):
            raise TypeError(f"enable_service takes names: got {', '.join(map(repr, names))}")
        disabled = self.get("DISABLED_SERVICES").split(",")
        wanted = (name for name in names if name not in disabled)
        self._values["ENABLED_SERVICES"] = ",".join(dict.fromkeys((*self.services, *wanted)))

    def disable_service(self, *names: str) -> None:
        """Remove services from ENABLED_SERVICES, and prevent later calls from adding them."""
        kept = (name for name in self.services if name not in names)
        self._values["ENABLED_SERVICES"] = ",".join(kept)
        disabled = filter(None, (*self.get("DISABLED_SERVICES").split(","), *names))
        self._values["DISABLED_SERVICES"] = ",".join(dict.fromkeys(disabled))


SettingCheck = Callable[[Settings, str], object]
"""Raises SettingsError for a bad value of a setting: `Settings.port`."""


def _is_enabled(name: str, enabled: tuple[str, ...]) -> bool:
    if name in enabled:
        return True
    if name == "keystone":
        return "key" in enabled
    if name == "neutron":
        return any(part.startswith(("q-", "neutron-")) for part in enabled)
    if name.startswith("s-"):
        return "swift" in enabled
    prefix = _GROUPS.get(name)
    return prefix is not None and any(part.startswith(prefix) for part in enabled)


def is_hidden(name: str) -> bool:
    """Return whether the environment variable `name` is hidden from runs.

    `OS_*` is for other clouds of the user; DevStack clears it, too. PYTHONDONTWRITEBYTECODE is set
    in many containers; without byte code each start of a program of Nova would need twice the CPU
    time.
    """
    return name.startswith("OS_") or name == "PYTHONDONTWRITEBYTECODE"


def load_settings(top_dir: Path, environ: Mapping[str, str]) -> Settings:
    """Return the settings of the stack directory `top_dir`.

    Raises SettingsError, with file and line, for a broken `local.conf`, and a DEST that must not be
    used.
    """
    environ = {name: value for name, value in environ.items() if not is_hidden(name)}
    before = _defaults({"TOP_DIR": str(top_dir)}, environ, set(DEFAULTS) - set(_AFTER_LOCAL_CONF))
    local = read_local_settings(top_dir, before)
    set_outside = frozenset(environ) - _OWN_TO_LOCAL_CONF
    values = {**before, **{k: v for k, v in local.variables.items() if k not in set_outside}}
    values.update((name, value) for name, value in environ.items() if name != "TOP_DIR")
    values.update((k, v) for k, v in local.variables.items() if k in _OWN_TO_LOCAL_CONF)
    values["TOP_DIR"] = str(top_dir)
    if not values["HOST_IP"]:
        del values["HOST_IP"]
    values = _defaults(values, {}, set(DEFAULTS))
    _check_dest(values["DEST"], environ.get("HOME", ""))
    settings = Settings(values, local, set_outside)
    settings.user_disabled = _disabled_services(values)
    # The shell reads the names as they are, so "-name" is resolved here, as in DevStack.
    values["ENABLED_SERVICES"] = ",".join(settings.services)
    return settings


def _disabled_services(values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names in DISABLED_SERVICES, and those with "-" in front in ENABLED_SERVICES."""
    words = values["ENABLED_SERVICES"].replace(",", " ").split()
    negated = [word[1:] for word in words if word.startswith("-")]
    return tuple(dict.fromkeys([*values.get("DISABLED_SERVICES", "").split(","), *negated]))


def _defaults(
    values: dict[str, str], environ: Mapping[str, str], names: set[str]
) -> dict[str, str]:
    filled = dict(values)
    for name, default in DEFAULTS.items():
        if name in names and name not in filled:
            filled[name] = environ.get(name, default.format_map(filled))
    if "SERVICE_HOST" in names and not values.get("SERVICE_HOST"):
        filled["SERVICE_HOST"] = url_host(host_address(filled))
    return filled


_HOME_OF_STACK = Path("/opt/stack")
"""The home of DevStack's user of its own, who has nothing there but the stack: DEST, too."""


def _check_dest(dest: str, home: str) -> None:
    if not dest:
        raise SettingsError("DEST is empty; set it to a separate directory")
    path = Path(dest)
    if not path.is_absolute():
        raise SettingsError(f"DEST={dest}: use an absolute path")
    if special := _SPECIAL.intersection(dest):
        raise SettingsError(f"DEST={dest}: OpenStack cannot use a path with {min(special)}")
    try:
        if path.exists() and not path.is_dir():
            raise SettingsError(f"DEST={dest}: this is not a directory; use another")
    except OSError as error:
        raise SettingsError(f"DEST={dest}: {error.strerror}; use another") from error
    is_home = bool(home) and _is_same(path, Path(home))
    if _is_same(path, Path("/")) or (is_home and not _is_same(path, _HOME_OF_STACK)):
        raise SettingsError(f"DEST={dest}: this is not a directory of doitstack's own; use another")


def _is_same(path: Path, other: Path) -> bool:
    """Return whether two paths lead to the same place; as text, if there is nothing."""
    with suppress(OSError):
        return path.samefile(other)
    return path == other
