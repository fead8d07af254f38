"""The configuration of a compute whose servers are guests of libvirt: `VIRT_DRIVER=libvirt`."""

import shlex
from pathlib import Path

from doitstack import Stack
from doitstack.venvs import Environment
from doitstack_plugins.libvirt import daemon, virt_type
from doitstack_plugins.shared.conf_files import Sections

_PRIVILEGED = (
    *("nova_sys_admin", "privsep_osbrick"),
    *("vif_plug_ovs_privileged", "vif_plug_linux_bridge_privileged"),
)
"""The sections of helpers that nova starts for what only root may do. Ours are root already."""

_END_SECONDS = "5"
"""Seconds after which nova gives up requests when it ends; its own default is minutes."""


def sections(stack: Stack, conf: Path, environment: Environment) -> Sections:
    """Return the options of a compute that reads `conf`, the file which they are for."""
    helper = shlex.join([environment.program("privsep-helper"), "--config-file", str(conf)])
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
        **{section: {"helper_command": helper} for section in _PRIVILEGED},
    }


def merged(*parts: Sections) -> Sections:
    """Return the options of all parts; a later part wins."""
    found: dict[str, dict[str, str]] = {}
    for part in parts:
        for section, options in part.items():
            found.setdefault(section, {}).update(options)
    return found
