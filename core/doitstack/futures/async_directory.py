"""The directory `$DEST/async`: create it for a run; remove it and kill the processes it records."""

from contextlib import suppress
from pathlib import Path

from doitstack.futures.watchdog import unfinished
from doitstack.private_files import read_regular, remove_tree, write_private
from doitstack.processes.tree import stop

_RUN = ".run"
"""The file with the name of the run."""


def init(directory: Path) -> None:
    """Create `directory`, empty and private; kill processes that an earlier run has left."""
    purge(directory)
    directory.mkdir(mode=0o700, parents=True)


def record_run(directory: Path, run: str) -> None:
    """Record the run to which `directory` belongs: its processes are found by that name."""
    write_private(directory / _RUN, run)


def purge(directory: Path) -> None:
    """Remove the files of all futures; kill the processes that a killed run has left."""
    if directory.is_dir():
        run = ""
        with suppress(OSError):
            run = read_regular(directory / _RUN).decode(errors="replace")
        stop(unfinished(directory, run))
        remove_tree(directory)
