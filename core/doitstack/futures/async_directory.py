"""`$DEST/async` as a whole: made for a run, and taken away with all that still runs from there."""

import shutil
from contextlib import suppress
from pathlib import Path

from doitstack.futures.watchdog import unfinished
from doitstack.private_files import read_regular, write_private
from doitstack.processes.tree import stop

_RUN = ".run"
"""The file with the name of the run."""


def init(directory: Path) -> None:
    """Make `directory` empty and private, ending what an earlier run has left running there."""
    purge(directory)
    directory.mkdir(mode=0o700, parents=True)


def record_run(directory: Path, run: str) -> None:
    """Write down which run `directory` belongs to: its processes are known by that."""
    write_private(directory / _RUN, run)


def purge(directory: Path) -> None:
    """Remove the state of all futures, ending those that a killed run has left running."""
    if directory.is_dir():
        run = ""
        with suppress(OSError):
            run = read_regular(directory / _RUN).decode(errors="replace")
        stop(unfinished(directory, run))
        shutil.rmtree(directory)
