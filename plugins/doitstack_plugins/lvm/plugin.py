"""LVM: the end of volume groups, also those of scripts, after that of the guests which use them."""

from collections.abc import Iterator

from doitstack import Stack, Step, hookimpl, run
from doitstack_plugins.lvm import volume_groups


@hookimpl
def unstack(stack: Stack) -> Iterator[Step]:
    """Free the devices of volume groups, also those that a killed run has left."""
    yield run(release_volume_groups)


@hookimpl
def clean(stack: Stack) -> Iterator[Step]:
    """Remove the volume groups."""
    yield run(remove_volume_groups)


def release_volume_groups(stack: Stack) -> None:
    """Deactivate the volume groups; their files keep the volumes."""
    volume_groups.release(stack)


def remove_volume_groups(stack: Stack) -> None:
    """Remove the volume groups with their volumes."""
    volume_groups.remove(stack)
