"""This Python environment as an archive, so that other hosts need neither pip nor a network.

It has what doitstack needs and no more; uv is among it. A host with the same version of Python and
the same kind of processor unpacks it into a virtual environment.
"""

import hashlib
import io
import os
import platform
import re
import sys
import tarfile
import time
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from doitstack.config.stack_files import stack_files
from doitstack.private_files import locked, private_directory

_PACKAGES = ("doitstack", "doitstack_plugins", "fork_server")
"""Our own packages: an editable installation does not list their files."""

_SCRIPT = """#!/bin/sh
'''exec' "$(dirname "$(readlink -f "$0")")/python" "$0" "$@"
' '''
import sys
from {module} import {function}
sys.exit({function}())
"""

_KEPT = 3600.0
"""Seconds that an archive is kept after it was wanted last."""

KIND = f"{sys.version_info.major}.{sys.version_info.minor} {platform.machine()}"
"""The version of Python and the kind of processor for which the archive is made."""


class _Entry(NamedTuple):
    """A file of the archive: its place in the environment, and its path or content."""

    place: str
    source: Path | bytes


def environment_archive(directory: Path) -> Path:
    """Return the archive of this environment in `directory`; it is made if it is not there.

    Its name is the digest of the places, sizes and times of the files.
    """
    entries = sorted(_entries(), key=lambda entry: entry.place)
    path = private_directory(directory) / f"{_digest(entries)}.tgz"
    # The connections to several hosts want it at the same time.
    with locked(directory):
        if not path.exists():
            _remove_old(directory)
            _pack(entries, path)
        path.touch()
    return path


def _remove_old(directory: Path) -> None:
    """Remove the archives that nobody uses any more; stacks of other versions may send theirs."""
    for old in directory.glob("*.tgz"):
        if time.time() - old.stat().st_mtime > _KEPT:
            old.unlink()


def _digest(entries: list[_Entry]) -> str:
    digest = hashlib.sha256(KIND.encode())
    for place, source in entries:
        if isinstance(source, bytes):
            digest.update(f"{place} ".encode() + source)
        else:
            found = source.stat()
            digest.update(f"{place} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def _pack(entries: list[_Entry], path: Path) -> None:
    """Write the archive; it appears under its name once it is whole."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with (
        os.fdopen(descriptor, "wb") as file,
        tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as packed,
    ):
        for place, source in entries:
            if isinstance(source, bytes):
                info = tarfile.TarInfo(place)
                info.size, info.mode = len(source), 0o755
                packed.addfile(info, io.BytesIO(source))
            else:
                packed.add(source, place, recursive=False)
    new.replace(path)


def _entries() -> Iterator[_Entry]:
    needed = list(_needed("doitstack"))
    for one in needed:
        yield from _files_of(one)
        yield from _scripts_of(one)
    site = _site_directory()
    for name in _PACKAGES:
        found = find_spec(name)
        assert found
        assert found.submodule_search_locations
        (package,) = found.submodule_search_locations
        for path in Path(package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield _Entry(f"{site}/{name}/{path.relative_to(package)}", path)
    for name, path in stack_files().items():
        yield _Entry(f"{site}/doitstack/stack_directory/{name}", path)


def _site_directory() -> str:
    """Return the directory of packages below an environment."""
    return f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


def _needed(name: str, found: set[str] | None = None) -> Iterator[Distribution]:
    """Yield a distribution and all that it needs and that is installed."""
    found = set() if found is None else found
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in found:
        return
    found.add(key)
    try:
        one = distribution(name)
    except PackageNotFoundError:
        # It is for other versions of Python or other systems.
        return
    yield one
    for requirement in one.requires or ():
        words, _, condition = requirement.partition(";")
        needed = re.match(r"[A-Za-z0-9._-]+", words)
        if needed and "extra" not in condition:
            yield from _needed(needed[0], found)


def _files_of(one: Distribution) -> Iterator[_Entry]:
    """Yield the files of a distribution, but for scripts, byte code and links to a checkout."""
    for file in one.files or ():
        path = Path(str(one.locate_file(file)))
        if not path.is_file():
            continue
        place = os.path.normpath(f"{_site_directory()}/{file}")
        is_script = place.startswith("bin/") and _begins_with(path, b"#!")
        is_ours = (
            file.parts[0] in _PACKAGES or file.suffix == ".pth" or file.name == "direct_url.json"
        )
        if file.suffix != ".pyc" and not is_script and not is_ours:
            yield _Entry(place, path)


def _begins_with(path: Path, data: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(data)) == data


def _scripts_of(one: Distribution) -> Iterator[_Entry]:
    for point in one.entry_points.select(group="console_scripts"):
        script = _SCRIPT.format(module=point.module, function=point.attr)
        yield _Entry(f"bin/{point.name}", script.encode())
