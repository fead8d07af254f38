"""Tempest for servers that run: it logs in to them, and uses what they and their volumes can do."""

from doitstack import Stack
from doitstack_plugins.backing.debian_packages import has_guests
from doitstack_plugins.cinder import backends
from doitstack_plugins.cinder.enabled_backends import LVM, of_kind
from doitstack_plugins.guest_image import cache as guest_image
from doitstack_plugins.shared.conf_files import Sections

SCENARIOS = (
    *("server_basic_ops", "minimum_basic", "network_basic_ops", "volume_boot_pattern"),
    "snapshot_pattern",
)

TESTS = rf"smoke|tempest\.scenario\.test_({'|'.join(SCENARIOS)})\."
"""The tests of a cloud with guests: all smoke tests, and the scenarios in which a user logs in."""

_LVM_PROTOCOL = "local"
_USER = "root"
_SECONDS = "300"
"""The time limit for what a guest does, and for the services beside guests: without KVM, a busy one
takes a minute to boot, and leaves little of the cores to others."""


def has_logins(stack: Stack) -> bool:
    """Return whether tests can log in to servers: these are guests in a network."""
    return has_guests(stack) and stack.is_service_enabled("neutron")


def sections(stack: Stack) -> Sections:
    """Return the options that differ from those of a cloud whose servers do not run."""
    if not has_guests(stack):
        return {}
    has_vnc = _text(stack.is_service_enabled("n-novnc"))
    return {
        "validation": {
            "run_validation": _text(has_logins(stack)),
            "connect_method": "floating",
            "image_ssh_user": _USER,
            "image_alt_ssh_user": _USER,
            "network_for_ssh": stack.settings.get("PRIVATE_NETWORK_NAME"),
            "ping_timeout": _SECONDS,
            "ssh_timeout": _SECONDS,
        },
        "service-clients": {"http_timeout": _SECONDS},
        "compute": {"build_timeout": _SECONDS, "hypervisor_type": "QEMU"},
        "compute-feature-enabled": {
            "console_output": "true",
            "vnc_console": has_vnc,
            # The kernel of our image has no CD-ROM drive.
            "config_drive": "false",
            # There is no service that keeps keys.
            "attach_encrypted_volume": "false",
            # There is one compute.
            "cold_migration": "false",
            "live_migration": "false",
        },
        "volume": {"storage_protocol": _protocol(stack), "build_timeout": _SECONDS},
        "volume-feature-enabled": {
            "backup": _text(stack.is_service_enabled("c-bak")),
            "snapshot": _text(backends.hold_data(stack)),
            "extend_attached_volume": "false",
            "extend_volume_with_snapshot": _text(_protocol(stack) == _LVM_PROTOCOL),
            "manage_volume": "false",
        },
        "scenario": {
            "dhcp_client": "udhcpc",
            "img_file": str(guest_image.directory(stack) / guest_image.DISK),
            "img_disk_format": "qcow2",
        },
    }


def _protocol(stack: Stack) -> str:
    return _LVM_PROTOCOL if of_kind(stack, LVM) else "nfs"


def _text(value: bool) -> str:  # noqa: FBT001 - it has no other argument
    return str(value).lower()
