"""What a guest is made of: files of Debian's packages, which are unpacked and not installed."""

import re
from collections.abc import Iterator
from pathlib import Path

from doitstack import Stack
from doitstack.errors import CommandError, StepError
from doitstack_plugins.backing import debian_packages

KERNEL = "linux-image-cloud-amd64"
"""The package that depends on Debian's newest kernel for guests."""

PROGRAMS = ("busybox-static", "dropbear-bin")
LIBRARIES = ("libc6", "libcrypt1", "libgmp10", "libtomcrypt1", "libtommath1", "zlib1g")
"""The libraries of the ssh server."""

_DEPENDS = re.compile(r"^\s*Depends: (linux-image-\S+)$", re.MULTILINE)


def fetch(stack: Stack, directory: Path) -> None:
    """Unpack the newest versions of the packages into `directory`. Raises StepError."""
    debian_packages.unpack(stack, directory, lambda: (_kernel(stack), *PROGRAMS, *LIBRARIES))


def library_files(directory: Path) -> Iterator[Path]:
    """Yield the libraries, by the names by which programs look for them, and their loader."""
    found = (path for path in directory.rglob("lib*.so.*") if path.name.count(".") == 2)
    wanted = ("libc.", "libcrypt.", "libgmp.", "libtomcrypt.", "libtommath.", "libz.")
    yield from sorted(path for path in found if path.name.startswith(wanted))
    yield next(directory.rglob("ld-linux-x86-64.so.2"))


def _kernel(stack: Stack) -> str:
    """Return the package of the newest kernel, from apt's lists. Raises StepError."""
    try:
        said = stack.output_of(["apt-cache", "depends", "--important", KERNEL])
    except CommandError:
        said = ""
    if match := _DEPENDS.search(said):
        return match[1]
    raise StepError(
        f"apt has no {KERNEL}, of which an image for guests is made; "
        "set IMAGE_URLS in local.conf to another image"
    )
