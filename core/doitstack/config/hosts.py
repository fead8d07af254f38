"""The other hosts of a stack: HOSTS, or the inventory of Ansible that HOSTS_FILE names."""

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from doitstack.config.settings import Settings
from doitstack.errors import SettingsError

CONTROLLER = "controller"
"""The name of the host on which the user runs `doit stack`; in an inventory, its group."""

SUBNODE = "subnode"
"""The group of the other hosts, in an inventory and in the headers of local.conf."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

_PLAIN_VARIABLES = {
    "ansible_host": "address",
    "ansible_user": "user",
    "ansible_port": "port",
    "ansible_python_interpreter": "python",
    "ansible_ssh_private_key_file": "key",
}
"""The variables of an inventory that are used, and the fields of a host that have their values."""


_OPTIONS = (
    *("BatchMode=yes", "ConnectTimeout=20"),
    *("ServerAliveInterval=5", "ServerAliveCountMax=3"),
)
"""The options of ssh: it asks nothing, and notices within 20 s that the link is cut."""


class Host(NamedTuple):
    """A host other than the controller.

    Args:
        name: its name in HOSTS, in headers of local.conf, and in NAME@HOST.
        address: where ssh connects to, by default its name, which ssh_config may explain.
        user, port, key: the options of ssh, if the inventory has them.
        python: the interpreter there.
        options: further options of ssh.
    """

    name: str
    address: str
    user: str = ""
    port: str = ""
    key: str = ""
    python: str = "python3"
    options: tuple[str, ...] = ()

    @property
    def ssh(self) -> list[str]:
        """The words of ssh that lead to the host."""
        pairs = (("-l", self.user), ("-p", self.port), ("-i", self.key))
        given = [word for option, value in pairs if value for word in (option, value)]
        # The first of several values counts, so the user's own options come before ours.
        ours = [word for option in _OPTIONS for word in ("-o", option)]
        return ["ssh", "-T", *given, *self.options, *ours, "--", self.address]


def other_hosts(settings: Settings) -> tuple[Host, ...]:
    """Return the hosts other than the controller. Raises SettingsError."""
    if path := settings.get("HOSTS_FILE"):
        found = list(_from_inventory(settings, Path(settings["TOP_DIR"]) / path))
    else:
        names = settings.get("HOSTS", "").replace(",", " ").split()
        found = [Host(name, name) for name in dict.fromkeys(names)]
    for host in found:
        if not _NAME.fullmatch(host.name) or host.name in (CONTROLLER, SUBNODE):
            setting = "HOSTS_FILE" if path else "HOSTS"
            raise settings.mistake(setting, f"{host.name!r} cannot be the name of a host")
    return tuple(host._replace(options=(*host.options, *_options(settings))) for host in found)


def host_of(name: str, settings: Settings) -> Host | None:
    """Return the host of a future NAME@HOST, if it is another one. Raises SettingsError."""
    wanted = name.rpartition("@")[2] if "@" in name else ""
    return next((host for host in other_hosts(settings) if host.name == wanted), None)


def host_names(settings: Settings) -> list[str]:
    """Return the names of the hosts other than the controller. Raises SettingsError."""
    return [host.name for host in other_hosts(settings)]


def _options(settings: Settings) -> list[str]:
    try:
        return shlex.split(settings.get("HOSTS_SSH_OPTIONS", ""))
    except ValueError as error:
        raise settings.mistake("HOSTS_SSH_OPTIONS", f"these are no words: {error}") from error


def _from_inventory(settings: Settings, path: Path) -> Iterator[Host]:
    """Yield the hosts of the group `subnode`, or all that are not in `controller`."""
    groups = _groups(_read(settings, path))
    controllers = groups.get(CONTROLLER, {})
    everyone = {name: found for hosts in groups.values() for name, found in hosts.items()}
    for name, variables in groups.get(SUBNODE, everyone).items():
        if name not in controllers:
            yield _host(name, variables)


def _read(settings: Settings, path: Path) -> Any:
    import yaml  # noqa: PLC0415 - for stacks of several hosts only

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise settings.mistake("HOSTS_FILE", f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        remedy = f"this is no inventory in YAML: {' '.join(str(error).split())}"
        raise settings.mistake("HOSTS_FILE", remedy) from error


_Groups = dict[str, dict[str, Mapping[str, Any]]]
"""The hosts of each group, and their variables."""


def _groups(inventory: Any) -> _Groups:
    """Return the groups of an inventory; a host has the variables of all its groups."""
    found: _Groups = {}
    variables: dict[str, dict[str, Any]] = {}
    for name, group in _items(inventory):
        _add_group(name, group, {}, (found, variables))
    return {
        name: {host: variables[host] for host in hosts if host in variables}
        for name, hosts in found.items()
    }


def _add_group(
    name: str,
    group: Any,
    inherited: Mapping[str, Any],
    to: tuple[_Groups, dict[str, dict[str, Any]]],
) -> dict[str, Mapping[str, Any]]:
    """Add a group and those below it; return the hosts of all of them."""
    found, variables = to
    own = {**inherited, **dict(_items(_part(group, "vars")))}
    hosts = found.setdefault(name, {})
    for host, given in _items(_part(group, "hosts")):
        variables.setdefault(host, {}).update({**own, **dict(_items(given))})
        hosts[host] = {}
    for child, content in _items(_part(group, "children")):
        hosts.update(_add_group(child, content, own, to))
    return hosts


def _part(group: Any, key: str) -> Any:
    return group.get(key) if isinstance(group, dict) else None


def _items(value: Any) -> list[tuple[str, Any]]:
    return [(str(key), item) for key, item in value.items()] if isinstance(value, dict) else []


def _host(name: str, variables: Mapping[str, Any]) -> Host:
    known = {
        field: str(variables[variable])
        for variable, field in _PLAIN_VARIABLES.items()
        if variables.get(variable)
    }
    try:
        options = shlex.split(str(variables.get("ansible_ssh_common_args") or ""))
    except ValueError as error:
        raise SettingsError(f"ansible_ssh_common_args of {name}: {error}") from error
    return Host(name=name, options=tuple(options), **{"address": name, **known})
