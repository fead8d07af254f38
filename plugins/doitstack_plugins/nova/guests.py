"""The configuration of a compute whose servers are guests of libvirt: `VIRT_DRIVER=libvirt`."""

import shlex
from pathlib import Path

from doitstack import Stack
from doitstack.venvs import Environment
from doitstack_plugins.libvirt import daemon, virt_type
from doitstack_plugins.ovn import namespace, places
from doitstack_plugins.shared.conf_files import Sections

_IN_NODE = ("nova_sys_admin", "privsep_osbrick")
_IN_NETWORK = ("vif_plug_ovs_privileged", "vif_plug_linux_bridge_privileged")
"""The sections of helpers that nova starts for what only root may do: for files and volumes, and
for the network cards of guests."""

_END_SECONDS = "5"
"""Seconds after which nova gives up requests when it ends; its own default is minutes."""


def sections(stack: Stack, conf: Path, environment: Environment) -> Sections:
    """Return the options of a compute that reads `conf`, the file which they are for."""
    helper = [environment.program("privsep-helper"), "--config-file", str(conf)]
    in_node, in_network = shlex.join(helper), shlex.join([*_enter(stack), *helper])
    return {
        "DEFAULT": {
            "graceful_shutdown_timeout": _END_SECONDS,
            "manager_shutdown_timeout": _END_SECONDS,
        },
        "libvirt": {
            "connection_uri": daemon.URI,
            "images_type": "qcow2",
            **virt_type.options(stack),
        },
        **{section: {"helper_command": in_node} for section in _IN_NODE},
        **{section: {"helper_command": in_network} for section in _IN_NETWORK},
        **_open_vswitch(stack),
    }


def _enter(stack: Stack) -> list[str]:
    return [str(namespace.enter(stack))] if places.is_enabled(stack) else []


def _open_vswitch(stack: Stack) -> Sections:
    if not places.is_enabled(stack):
        return {}
    return {"os_vif_ovs": {"ovsdb_connection": places.database(stack, "conf")}}
