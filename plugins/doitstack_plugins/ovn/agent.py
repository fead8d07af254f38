"""Neutron's agent for OVN, which serves metadata to guests and passes their requests on to Nova.

It talks to Nova in the network of the host; its helpers make interfaces in that of the stack.
"""

import shlex
from functools import partial
from pathlib import Path

from doitstack import Stack
from doitstack.config.addresses import socket_host
from doitstack.private_files import private_directory
from doitstack.uptodate import digest
from doitstack_plugins.neutron.plugin import plugin as neutron
from doitstack_plugins.nova import conf as nova
from doitstack_plugins.ovn import daemons, namespace
from doitstack_plugins.ovn.places import agent_conf, database, metadata_secret, root
from doitstack_plugins.shared import conf_files, health, venvs

SERVICE = "q-ovn-agent"

_LISTENS = "00010000"
"""The flags of a socket that listens, in /proc/net/unix."""

_HELPERS = (
    *("privsep", "privsep_dhcp_release", "privsep_ovs_vsctl", "privsep_namespace"),
    *("privsep_conntrack", "privsep_link"),
)
"""The sections of the helpers with privileges."""


def configure(stack: Stack) -> None:
    """Write its configuration (0600)."""
    conf_files.write(agent_conf(stack), sections(stack))


def start(stack: Stack) -> None:
    """Start the agent, or restart it if it runs from something else, and wait until it serves."""
    private_directory(_state(stack))
    environment = neutron.environment(stack)
    program, conf = environment.program("neutron-ovn-agent"), agent_conf(stack)
    made_from = digest(environment.digest(), conf_files.read(conf), daemons.generation(stack))
    # Nothing reads the generation: another value restarts the process.
    env = {**venvs.environ(stack), "OVN_AGENT_GENERATION": made_from}
    argv: list[str | Path] = [namespace.see(stack), program, f"--config-file={conf}"]
    code = environment.code_to_run()
    with stack.timed("run_process"):
        stack.run_process(SERVICE, argv, env=env, wait=False, code=code)
    health.wait_until(stack, SERVICE, partial(_serves, stack))


def sections(stack: Stack) -> conf_files.Sections:
    """Return its configuration."""
    settings, conf = stack.settings, agent_conf(stack)
    helper = [namespace.enter(stack), neutron.environment(stack).program("privsep-helper")]
    command = shlex.join(map(str, [*helper, "--config-file", conf]))
    return {
        "DEFAULT": {
            "host": nova.compute_host(stack, 1),
            "state_path": str(_state(stack)),
            "metadata_proxy_socket": str(metadata_socket(stack)),
            "nova_metadata_host": socket_host(settings["NOVA_SERVICE_HOST"]),
            "nova_metadata_port": settings["METADATA_SERVICE_PORT"],
            "metadata_proxy_shared_secret": metadata_secret(stack),
            "metadata_workers": "1",
            "graceful_shutdown_timeout": "3",
        },
        "agent": {"extensions": "metadata", "root_helper": shlex.quote(str(helper[0]))},
        "ovs": {"ovsdb_connection": database(stack, "conf")},
        "ovn": {
            "ovn_nb_connection": database(stack, "nb"),
            "ovn_sb_connection": database(stack, "sb"),
        },
        "oslo_concurrency": {"lock_path": str(_state(stack) / "locks")},
        **{section: {"helper_command": command} for section in _HELPERS},
    }


def metadata_socket(stack: Stack) -> Path:
    """Return the socket to which the proxies of the networks pass the requests of guests."""
    return root(stack) / "metadata"


def _serves(stack: Stack) -> bool:
    """Return whether the agent listens for requests of guests."""
    # A connection without a request would be an error in its log.
    lines = Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace").splitlines()
    return any(
        line.endswith(f" {metadata_socket(stack)}") and line.split()[3] == _LISTENS
        for line in lines
    )


def _state(stack: Stack) -> Path:
    return root(stack) / "agent"
