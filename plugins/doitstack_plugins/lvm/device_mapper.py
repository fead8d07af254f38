"""Whether the kernel has device mapper, of which logical volumes are made.

A machine can have `/dev/mapper/control` and not be allowed to use it, as in many containers, so the
kernel is asked. It loads its modules for that, if there are any.
"""

import fcntl
import os
import struct
from pathlib import Path

from doitstack_plugins.ovn.commands import succeeds

_CONTROL = Path("/dev/mapper/control")

_HEADER = "=3I2I5IQ128s129s7x"
_VERSION, _TARGET_VERSION = 0, 17
"""The commands that ask for the version of device mapper, and for that of a kind of device."""

_INTERFACE = (4, 0, 0)
"""The version of the interface that we use; every kernel of today has it."""


def lack() -> str:
    """Return why device mapper cannot be used, or an empty text if it can."""
    if not _CONTROL.exists():
        succeeds("/sbin/modprobe", "--quiet", "dm_mod")
    try:
        _ask(_VERSION)
    except FileNotFoundError:
        return f"the kernel has no device mapper (there is no {_CONTROL})"
    except OSError as error:
        return f"{_CONTROL} cannot be used: {error.strerror}"
    return ""


def has_target(name: str) -> bool:
    """Return whether it can make devices of a kind such as `thin-pool`."""
    try:
        _ask(_TARGET_VERSION, name)
    except OSError:
        return False
    return True


def _ask(command: int, name: str = "") -> None:
    """Send a command to device mapper. Raises OSError."""
    size = struct.calcsize(_HEADER)
    # The answer with the version of a kind follows the header.
    room = bytes(256)
    words = (*_INTERFACE, size + len(room), size, 0, 0, 0, 0, 0, 0)
    request = struct.pack(_HEADER, *words, name.encode(), b"") + room
    descriptor = os.open(_CONTROL, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, _code(command), bytearray(request))
    finally:
        os.close(descriptor)


def _code(command: int) -> int:
    """Return the number of a command: it reads and writes a header, of the type 0xfd."""
    return (3 << 30) | (struct.calcsize(_HEADER) << 16) | (0xFD << 8) | command
