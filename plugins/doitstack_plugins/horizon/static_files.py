"""Horizon's static files: made once for the same packages, and made again from what is kept.

Django collects the files of all packages and compresses some, which takes six seconds of CPU time.
Kept are the places of the files that packages have, which are linked, and the text of the others.
"""

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from doitstack import Stack
from doitstack.config.cache_directories import STATIC_FILES
from doitstack_plugins.shared.optional_cache import OptionalCache

VERSION = "1"
"""Another one if static files are made in another way, or kept in another form."""

_MAX_BYTES = 128 << 20
"""The size to which the cache is pruned. Horizon's files that are made have 3 MB."""

_NO_LINK = (errno.EXDEV, errno.EMLINK, errno.EPERM, errno.ENOTSUP)


class _Made(NamedTuple):
    """Static files by their names: the places of those in packages, and the texts of the others."""

    places: Mapping[str, str]
    texts: Mapping[str, str]


def make(
    stack: Stack,
    static: Path,
    packages: Path,
    find_key: Callable[[], str],
    django: Callable[..., None],
) -> None:
    """Make the directory `static` anew, from what is kept or by `django`, which runs a command.

    `find_key` names all that the files follow from, besides their places below the directory
    `packages`; if it returns nothing, or in the end something else, they are not kept.
    """
    shutil.rmtree(static, ignore_errors=True)
    key, cache = find_key(), OptionalCache(stack, STATIC_FILES)
    kept = cache.load(key)
    if kept and _restore(_Made(**json.loads(kept)), static, packages):
        return
    django("collectstatic", "--noinput", "--verbosity=0", "--link")
    django("compress", "--force")
    places = dict(_replace_links(static, packages))
    if key and find_key() == key:
        made = _Made(places, dict(_texts(static, places)))
        cache.keep(key, json.dumps(made._asdict()).encode(), max_bytes=_MAX_BYTES)


def _replace_links(static: Path, packages: Path) -> Iterator[tuple[str, str]]:
    """Put files in the place of links to them; yield names and places of those of packages.

    uWSGI follows no link that leads out of the directory it serves.
    """
    packages = packages.resolve()
    for path in _files(static):
        if path.is_symlink():
            source = path.resolve()
            path.unlink()
            _link_or_copy(source, path)
            if source.is_relative_to(packages):
                yield str(path.relative_to(static)), str(source.relative_to(packages))


def _texts(static: Path, places: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield names and texts of the files that no package has."""
    for path in _files(static):
        name = str(path.relative_to(static))
        if name not in places:
            yield name, path.read_bytes().decode("utf-8", "surrogateescape")


def _restore(made: _Made, static: Path, packages: Path) -> bool:
    """Return whether the directory is as it was; if not, there is none."""
    try:
        for name in {str(Path(name).parent) for name in (*made.places, *made.texts)}:
            (static / name).mkdir(parents=True, exist_ok=True)
        for name, place in made.places.items():
            _link_or_copy(packages / place, static / name)
        for name, text in made.texts.items():
            (static / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    except FileNotFoundError:
        shutil.rmtree(static, ignore_errors=True)
        return False
    return True


def _files(directory: Path) -> list[Path]:
    return [Path(place, name) for place, _, names in os.walk(directory) for name in names]


def _link_or_copy(old: Path, new: Path) -> None:
    try:
        new.hardlink_to(old)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        shutil.copyfile(old, new)
