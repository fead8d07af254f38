"""Which datapath Open vSwitch uses: the kernel's if this kernel has it, else its own.

With its own, packets pass through `ovs-vswitchd`, which is slower but needs no module.
"""

import errno
import socket
import struct

from doitstack import Settings, Stack

KERNEL, USERSPACE = "system", "netdev"
"""The types of datapaths, in Open vSwitch's words."""

_SETTING = "OVS_DATAPATH_TYPE"

_GENERIC = 16
"""The netlink protocol for families that modules add; `socket` does not have its name."""

_FAMILY = b"ovs_datapath\0"
_HEADER, _GENERIC_HEADER, _ATTRIBUTE = "=IHHII", "=BBH", "=HH"
_REQUEST, _CONTROLLER, _GET_FAMILY, _FAMILY_NAME, _ERROR = 1, 16, 3, 2, 2


def set_default(settings: Settings) -> None:
    """Let OVS_DATAPATH_TYPE tell scripts which type it is: their bridges are of the same."""
    if not _is_of_user(settings):
        settings.default(_SETTING, KERNEL if kernel_has_one() else USERSPACE)


def kind(stack: Stack) -> str:
    """Return the type of datapath: that of OVS_DATAPATH_TYPE, or what this kernel can do."""
    return _of_user(stack.settings) or (KERNEL if kernel_has_one() else USERSPACE)


def reason(stack: Stack) -> str:
    """Return why it is this type, for the user."""
    if _of_user(stack.settings):
        return "OVS_DATAPATH_TYPE is set"
    if kind(stack) == KERNEL:
        return "the kernel has it"
    return "the kernel has no openvswitch module"


def check_kind(settings: Settings, name: str) -> None:
    """Raise SettingsError unless the setting is empty or a type of datapath."""
    if settings.get(name) not in ("", KERNEL, USERSPACE):
        raise settings.mistake(name, f"use {KERNEL} (the kernel's) or {USERSPACE} (Open vSwitch's)")


def _of_user(settings: Settings) -> str:
    """Return what the user has set; the session of scripts has DevStack's default."""
    return settings.get(_SETTING) if _is_of_user(settings) else ""


def _is_of_user(settings: Settings) -> bool:
    return _SETTING in settings.local.variables or _SETTING in settings.environ


def kernel_has_one() -> bool:
    """Return whether the kernel has the datapath; it loads the module if there is one."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _GENERIC) as netlink:
        netlink.send(_question())
        answer = netlink.recv(4096)
    _, kind_of_answer, *_ = struct.unpack_from(_HEADER, answer)
    if kind_of_answer != _ERROR:
        return True
    (code,) = struct.unpack_from("=i", answer, struct.calcsize(_HEADER))
    if code != -errno.ENOENT:
        raise OSError(-code, "generic netlink")
    return False


def _question() -> bytes:
    """Return the message that asks for the generic netlink family of the datapath."""
    size = struct.calcsize(_ATTRIBUTE) + len(_FAMILY)
    name = struct.pack(_ATTRIBUTE, size, _FAMILY_NAME) + _FAMILY + bytes(-size % 4)
    body = struct.pack(_GENERIC_HEADER, _GET_FAMILY, 1, 0) + name
    length = struct.calcsize(_HEADER) + len(body)
    return struct.pack(_HEADER, length, _CONTROLLER, _REQUEST, 0, 0) + body
