"""Where OVN's files and sockets are, and whether it is enabled. Starts nothing.

Sockets in the file system are reached from all network namespaces.
"""

import hashlib
import hmac
from pathlib import Path

from doitstack import Settings, Stack
from doitstack.config.addresses import url_host
from doitstack_plugins.shared import subnode

AGENTS = ("q-ovn-agent", "neutron-ovn-agent", "q-ovn-metadata-agent", "neutron-ovn-metadata-agent")
"""The names of Neutron's agent in ENABLED_SERVICES: today's, and those of the agent before it."""

MAINTENANCE = "neutron-ovn-maintenance-worker"
"""The process of Neutron that keeps OVN's databases in step with its own."""

SERVICES = ("ovn-controller", "ovn-northd", "ovs-vswitchd", "ovsdb-server", *AGENTS)


_PORTS = {"nb": "6641", "sb": "6642"}
"""OVN's northbound and southbound database, and the ports at which other hosts reach them."""


def is_enabled(stack: Stack) -> bool:
    """Return whether networks are OVN's, which carry traffic."""
    return stack.is_service_enabled(*SERVICES)


def has_agent(stack: Stack) -> bool:
    """Return whether guests get metadata, by Neutron's agent."""
    return stack.is_service_enabled(*AGENTS)


def root(stack: Stack) -> Path:
    """Return the directory of all of OVN's files."""
    return stack.data_dir / "ovn"


def set_remotes(settings: Settings) -> None:
    """Set where OVN's databases are: reached from other hosts, or by sockets in the file system."""
    for name, port in _PORTS.items():
        address = f"unix:{settings['DATA_DIR']}/ovn/{name}.sock"
        if subnode.is_subnode(settings) or subnode.is_reachable(settings):
            address = f"tcp:{url_host(settings['SERVICE_HOST'])}:{port}"
        settings.default(f"OVN_{name.upper()}_REMOTE", address)


def has_databases(stack: Stack) -> bool:
    """Return whether OVN's databases are on this host, and not on that of a controller."""
    return not subnode.is_subnode(stack.settings)


def database(stack: Stack, name: str) -> str:
    """Return the address of a database: `conf` is that of the node, `nb` and `sb` are OVN's."""
    if name in _PORTS and not has_databases(stack):
        return remote(stack, name)
    return f"unix:{root(stack) / name}.sock"


def remote(stack: Stack, name: str) -> str:
    """Return the address at which other hosts reach `nb` or `sb`: DevStack's $OVN_SB_REMOTE."""
    return stack.settings[f"OVN_{name.upper()}_REMOTE"]


def agent_conf(stack: Stack) -> Path:
    """Return the configuration of Neutron's agent: DevStack's $OVN_AGENT_CONF."""
    return stack.settings.path("NEUTRON_CONF_DIR") / "plugins" / "ml2" / "ovn_agent.ini"


def metadata_secret(stack: Stack) -> str:
    """Return the secret by which Nova knows that requests for metadata come from an agent.

    All hosts of a stack know the password from which it is made.
    """
    key = stack.password("SERVICE_PASSWORD").encode()
    made = hmac.digest(key, b"metadata", hashlib.sha256).hex()
    return stack.settings.get("METADATA_PROXY_SHARED_SECRET", made)
