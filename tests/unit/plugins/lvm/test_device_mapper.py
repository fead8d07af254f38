"""Whether the kernel has device mapper, asked by its own interface."""

import errno
import fcntl
import struct
from pathlib import Path

import pytest

from doitstack_plugins.lvm import device_mapper

SIZE = 312
"""The length of the kernel's `struct dm_ioctl`."""


@pytest.fixture
def control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "control"
    monkeypatch.setattr(device_mapper, "_CONTROL", path)
    return path


def test_a_module_is_loaded_if_there_is_one(control: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    def modprobe(*words: str) -> bool:
        asked.append(words)
        return False

    monkeypatch.setattr(device_mapper, "succeeds", modprobe)
    assert device_mapper.lack() == f"the kernel has no device mapper (there is no {control})"
    assert not device_mapper.has_target("thin-pool")
    assert asked == [("/sbin/modprobe", "--quiet", "dm_mod")]


def test_the_kernel_is_asked(control: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    control.touch()
    asked: list[tuple[int, bytes]] = []

    def ioctl(_: int, code: int, request: bytearray) -> None:
        version, size, start = request[:12], *struct.unpack_from("=2I", request, 12)
        assert (version, size, start) == (struct.pack("=3I", 4, 0, 0), len(request), SIZE)
        asked.append((code, bytes(request[48:]).split(b"\0")[0]))

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    assert device_mapper.lack() == ""
    assert device_mapper.has_target("thin-pool")
    # DM_VERSION and DM_GET_TARGET_VERSION of linux/dm-ioctl.h
    assert asked == [(0xC138FD00, b""), (0xC138FD11, b"thin-pool")]


def test_a_kernel_that_refuses_is_no_use(control: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    control.touch()

    def ioctl(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    assert device_mapper.lack() == f"{control} cannot be used: Permission denied"
    assert not device_mapper.has_target("thin-pool")
