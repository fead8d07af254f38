"""The `local.conf` of another host: made from that of the controller, with what differs there.

A section `[[local:subnode|localrc]]` is for all other hosts, `[[local:HOST|localrc]]` for one. The
same holds for the groups of files: `[[post-config:HOST|FILE]]`.
"""

import shlex
from collections.abc import Iterator, Mapping

from doitstack.config.hosts import SUBNODE
from doitstack.config.local_conf import Section
from doitstack.config.settings import Settings

COPIED = ("extras.d", "files", "lib", "local.sh")
"""The names in a stack directory that other hosts get as they are."""

REPOSITORIES = ".repositories"
"""The directory in the stack directory of another host with the controller's clones of plugins."""

_ON_THE_CONTROLLER = frozenset(
    {
        *("key", "mysql", "postgresql", "rabbit", "memcached", "etcd3", "horizon", "tempest"),
        *("g-api", "placement-api", "neutron", "neutron-api", "q-svc", "ovn-northd"),
        *("neutron-ovn-maintenance-worker", "c-api", "c-sch", "c-vol", "c-bak", "cinder"),
        *("n-api", "n-api-meta", "n-cond", "n-super-cond", "n-sch", "n-novnc", "n-sproxy"),
        *("s-proxy", "s-object", "s-container", "s-account", "swift"),
    }
)
"""The services that other hosts do not have unless their own sections enable them."""

_OF_THE_CONTROLLER = ("HOSTS", "HOSTS_FILE", "HOSTS_SSH_OPTIONS", "HOST_IP", "HOST_IPV6", "DEST")
"""The settings of the controller that other hosts do not have."""


def group_and_host(group: str) -> tuple[str, str]:
    """Return the group of a section and the host, or kind of host, that it is for, or ""."""
    name, _, host = group.partition(":")
    return name, host


def services_of_hosts(settings: Settings) -> str:
    """Return what other hosts enable by default: the services that are not only on a controller."""
    names = (name for name in settings.services if name not in _ON_THE_CONTROLLER)
    return ",".join(names) or ","


def local_conf_of(host: str, sections: tuple[Section, ...], values: Mapping[str, str]) -> str:
    """Return the local.conf of another host.

    `values` are settings that its own sections may change: passwords, where the controller is, and
    services.
    """
    lines = ["# Made by doitstack from the local.conf of the controller.", "[[local|localrc]]"]
    lines += _settings(_meant_for({""}, sections))
    lines.append(f"unset {' '.join(_OF_THE_CONTROLLER)}")
    lines += [f"{name}={shlex.quote(value)}" for name, value in sorted(values.items())]
    lines += _settings(_meant_for({SUBNODE, host}, sections))
    for section in _meant_for({"", SUBNODE, host}, sections):
        if section.group != "local":
            lines += [f"[[{section.group}|{section.file}]]", *section.lines]
    return "\n".join((*lines, ""))


def _settings(sections: Iterator[Section]) -> list[str]:
    return [line for section in sections if section.group == "local" for line in section.lines]


def _meant_for(hosts: set[str], sections: tuple[Section, ...]) -> Iterator[Section]:
    for section in sections:
        group, host = group_and_host(section.group)
        if host in hosts:
            yield section._replace(group=group)
