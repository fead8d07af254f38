"""Where the image for guests is kept for later stacks."""

import os
from pathlib import Path

from doitstack import Stack
from doitstack.config.cache_directories import GUESTS, cache_directory
from doitstack.private_cache import PrivateCache
from doitstack.private_files import private_directory
from doitstack_plugins.guest_image.build import DISK, INITRD, KERNEL, build, generation

__all__ = ["DISK", "INITRD", "KERNEL", "directory", "generation", "make"]


def directory(stack: Stack) -> Path:
    """Return the directory of the image; it does not exist before `make`."""
    return cache_directory(stack.settings) / GUESTS / "images" / generation()[:16]


def make(stack: Stack) -> Path:
    """Make the image unless it is there; return its directory. Raises CommandError, StepError.

    Images that have not been used for long are removed.
    """
    made = directory(stack)
    parts = [made / name for name in (DISK, KERNEL, INITRD)]
    if not all(part.is_file() for part in parts):
        private_directory(made.parent)
        build(stack, made)
        PrivateCache(made.parent).prune()
    for part in parts:
        os.utime(part)  # they have been used now
    return made
