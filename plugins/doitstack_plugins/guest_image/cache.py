"""Where the image for guests is kept for later stacks."""

from pathlib import Path

from doitstack import Stack
from doitstack.config.cache_directories import GUESTS, cache_directory
from doitstack.private_files import private_directory
from doitstack_plugins.guest_image.build import DISK, INITRD, KERNEL, build, generation

__all__ = ["DISK", "INITRD", "KERNEL", "directory", "generation", "make"]


def directory(stack: Stack) -> Path:
    """Return the directory of the image; it does not exist before `make`."""
    return cache_directory(stack.settings) / GUESTS / "images" / generation()[:16]


def make(stack: Stack) -> Path:
    """Make the image unless it is there; return its directory. Raises CommandError, StepError."""
    made = directory(stack)
    if not (made / DISK).is_file():
        private_directory(made.parent)
        build(stack, made)
    return made
