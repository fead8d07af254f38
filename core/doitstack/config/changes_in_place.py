"""Files that scripts of a run change in place: after a crash of the machine, they may be damaged.

`iniset` and the like keep the owner, mode and links of a file, so they overwrite it. Its name is on
the disk before its first change in a run, until the run has ended and its content is there, too.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from doitstack.private_files import read_regular, sync, write_private

CHANGES = ".changes-in-place"
"""The name of the list, in DEST."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def announce(dest: Path, path: str) -> None:
    """Put the name of a file on the disk, before it is changed."""
    _, paths = _read(dest)
    if path not in paths:
        _write(dest, (*paths, path))


def settle(dest: Path) -> None:
    """Write the files that were changed to the disk; then forget them."""
    _, paths = _read(dest)
    with suppress(OSError):  # the names stay
        for path in paths:
            with suppress(FileNotFoundError):
                sync(Path(path))
        (dest / CHANGES).unlink(missing_ok=True)


def take_damaged(dest: Path) -> list[str]:
    """Return the files that were being changed when the machine crashed, once."""
    boot, paths = _read(dest)
    if not paths or boot == _boot():
        return []
    (dest / CHANGES).unlink(missing_ok=True)
    return paths


def _read(dest: Path) -> tuple[str, list[str]]:
    """Return the boot of the machine in which files are changed, and these files."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        found = json.loads(read_regular(dest / CHANGES))
        return str(found["boot"]), [str(path) for path in found["files"]]
    return "", []


def _write(dest: Path, paths: Iterable[str]) -> None:
    write_private(dest / CHANGES, f"{json.dumps({'boot': _boot(), 'files': [*paths]})}\n")


def _boot() -> str:
    return _BOOT_ID.read_text().strip()
