"""Where OVN's files and sockets are, and whether it is enabled. Starts nothing.

Sockets in the file system are reached from all network namespaces.
"""

from pathlib import Path

from doitstack import Stack

AGENTS = ("q-ovn-agent", "neutron-ovn-agent", "q-ovn-metadata-agent", "neutron-ovn-metadata-agent")
"""The names of Neutron's agent in ENABLED_SERVICES: today's, and those of the agent before it."""

MAINTENANCE = "neutron-ovn-maintenance-worker"
"""The process of Neutron that keeps OVN's databases in step with its own."""

SERVICES = ("ovn-controller", "ovn-northd", "ovs-vswitchd", "ovsdb-server", *AGENTS)


def is_enabled(stack: Stack) -> bool:
    """Return whether networks are OVN's, which carry traffic."""
    return stack.is_service_enabled(*SERVICES)


def has_agent(stack: Stack) -> bool:
    """Return whether guests get metadata, by Neutron's agent."""
    return stack.is_service_enabled(*AGENTS)


def root(stack: Stack) -> Path:
    """Return the directory of all of OVN's files."""
    return stack.data_dir / "ovn"


def database(stack: Stack, name: str) -> str:
    """Return the address of a database: `conf` is that of the node, `nb` and `sb` are OVN's."""
    return f"unix:{root(stack) / name}.sock"


def agent_conf(stack: Stack) -> Path:
    """Return the configuration of Neutron's agent: DevStack's $OVN_AGENT_CONF."""
    return stack.settings.path("NEUTRON_CONF_DIR") / "plugins" / "ml2" / "ovn_agent.ini"


def metadata_secret(stack: Stack) -> str:
    """Return the secret by which Nova knows that requests for metadata come from the agent."""
    return stack.password("METADATA_PROXY_SHARED_SECRET")
