"""Volume groups of LVM, each on a loop device of a file of its own, as DevStack has them.

LVM sees these devices alone, and keeps its locks in the stack's directory: the system's groups and
`/etc/lvm` are not touched. It makes the nodes in `/dev` itself, so udev is not needed. Devices of
the kernel outlive processes: what a killed stack has left is found by its files.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from doitstack import Stack
from doitstack.config.dest_directory import discard
from doitstack.errors import CommandError, StepError
from doitstack.private_files import private_directory, write_private
from doitstack.processes.root import root_command
from doitstack_plugins.cinder.enabled_backends import LVM, of_kind
from doitstack_plugins.lvm import device_mapper

_PLACE, _SUFFIX = "lvm", "-backing-file"
"""The directory of the files, and DevStack's suffix of their names."""

_BLOCKS = Path("/sys/block")
_DELETED = " (deleted)"

_CONFIGURATION = """\
# Made by doitstack, for the devices of its volume groups alone.
devices {{
    scan = [ "/dev" ]
    obtain_device_list_from_udev = 0
    external_device_info_source = "none"
    use_devicesfile = 0
    hints = "none"
    global_filter = [ {filter} ]
    # What is not used any more leaves the file.
    issue_discards = 1
}}
activation {{
    udev_sync = 0
    udev_rules = 0
    verify_udev_operations = 0
    monitoring = 0
}}
global {{
    locking_dir = "{locks}"
    use_lvmpolld = 0
    event_activation = 0
    notify_dbus = 0
}}
backup {{
    backup = 0
    archive = 0
}}
"""


def root(stack: Stack) -> Path:
    """Return the directory of the files, and of LVM's configuration."""
    return stack.data_dir / _PLACE


def environ(stack: Stack) -> dict[str, str]:
    """Return the variables with which a program of LVM sees the stack's groups alone."""
    return {"LVM_SYSTEM_DIR": str(root(stack))}


def group(settings: Mapping[str, str], backend: str) -> str:
    """Return the name of the volume group of a back end, as in DevStack."""
    return f"{settings['VOLUME_GROUP_NAME']}-{backend}"


def groups(stack: Stack) -> list[str]:
    """Return the names of the groups in which this host keeps volumes."""
    return [group(stack.settings, backend.name) for backend in of_kind(stack, LVM)]


def backing_file(data: Path, name: str) -> Path:
    """Return the file that has the content of a group; `data` is DATA_DIR."""
    return data / _PLACE / f"{name}{_SUFFIX}"


def prepare(stack: Stack, size: int) -> None:
    """Make the groups that are missing, of `size` bytes, and activate the others.

    Whatever a killed run has begun is completed. Raises CommandError, StepError.
    """
    # Since the check, the machine may have booted another kernel.
    if lack := device_mapper.lack():
        raise StepError(f"volumes of LVM need device mapper: {lack}")
    private_directory(root(stack) / "locks")
    if any(file.endswith(_DELETED) for file in devices(stack).values()):
        # Its directory was removed while it was in use.
        release(stack)
    attached = {
        name: _attach(stack, backing_file(stack.data_dir, name), size) for name in groups(stack)
    }
    _configure(stack)
    known = _output_of(stack, "vgs", "--noheadings", "--options", "vg_name").split()
    for name, device in attached.items():
        if name not in known:
            _lvm(stack, "vgcreate", "--yes", name, device)
        _lvm(stack, "vgchange", "--activate", "y", name)


def release(stack: Stack) -> None:
    """Deactivate the groups and free their devices; the files keep the volumes.

    Raises CommandError, or StepError if something uses a volume.
    """
    found = devices(stack)
    if any(map(_holders, found)):
        private_directory(root(stack) / "locks")
        _configure(stack)
        try:
            _lvm(stack, "vgchange", "--activate", "n")
        except CommandError as error:
            raise _in_use(found) or error from error
    for device in found:
        stack.run([*_as_root(stack), "/sbin/losetup", "--detach", device])


def remove(stack: Stack) -> None:
    """Remove the groups with their volumes. Raises CommandError, StepError."""
    release(stack)
    discard(stack.settings, root(stack))


def devices(stack: Stack) -> dict[Path, str]:
    """Return the loop devices of the stack's groups, and the names of their files."""
    place, found = os.path.realpath(root(stack)), {}
    for path in sorted(_BLOCKS.glob("loop*/loop/backing_file")):
        with suppress(FileNotFoundError):  # others free theirs
            file = path.read_text(encoding="utf-8").rstrip("\n")
            if file.startswith(f"{place}/"):
                found[Path("/dev", path.parts[-3])] = file
    return found


def mapped(stack: Stack) -> set[str]:
    """Return the names in `/dev/mapper` of all that is on these devices."""
    return {name for device in devices(stack) for name in _mapped_on(device)}


def _attach(stack: Stack, file: Path, size: int) -> str:
    """Return the loop device of a file, which is made if it is missing."""
    if not file.exists():
        new = file.with_suffix(".new")
        with new.open("wb") as content:
            content.truncate(size)
        new.chmod(0o600)
        new.rename(file)
    words = ("--find", "--show", "--nooverlap", str(file))
    return stack.output_of(["/sbin/losetup", *words]).strip()


def _configure(stack: Stack) -> None:
    """Write LVM's configuration for the devices that there are; a new boot may number them anew."""
    accepted = [f'"a|^{device}$|"' for device in devices(stack)]
    text = _CONFIGURATION.format(
        filter=", ".join((*accepted, '"r|.*|"')), locks=root(stack) / "locks"
    )
    write_private(root(stack) / "lvm.conf", text)


def _lvm(stack: Stack, *words: str) -> None:
    stack.run([*_as_root(stack), "/sbin/lvm", *words], env=environ(stack))


def _as_root(stack: Stack) -> list[str]:
    """Return the prefix of a command: groups of scripts may be those of a user with sudo."""
    prefix = root_command()
    return [*prefix, "env", *(f"{k}={v}" for k, v in environ(stack).items())] if prefix else []


def _output_of(stack: Stack, *words: str) -> str:
    return stack.output_of(["/sbin/lvm", *words], env=environ(stack))


def _in_use(found: dict[Path, str]) -> StepError | None:
    """Return an error that names what could not be deactivated, if anything is left."""
    left = sorted(name for device in found for name in _mapped_on(device))
    if not left:
        return None
    return StepError(
        f"these volumes are in use: {', '.join(left)} in /dev/mapper; "
        "unmount them, end what has opened them, and run it again"
    )


def _mapped_on(device: Path) -> Iterator[str]:
    for holder in _holders(device):
        yield (_BLOCKS / holder / "dm/name").read_text(encoding="utf-8").strip()
        yield from _mapped_on(Path("/dev", holder))


def _holders(device: Path) -> list[str]:
    """Return the names in `/sys/block` of what is made of a device."""
    return [path.name for path in (_BLOCKS / device.name / "holders").glob("*")]
