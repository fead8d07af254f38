"""`$DEST/async` as a whole: made for a run, and taken away with all that still runs from there."""

import shutil
from pathlib import Path

from doitstack.futures.watchdog import unfinished
from doitstack.processes.tree import stop


def init(directory: Path) -> None:
    """Make `directory` empty and private, ending what an earlier run has left running there."""
    purge(directory)
    directory.mkdir(mode=0o700, parents=True)


def purge(directory: Path) -> None:
    """Remove the state of all futures, ending those that a killed run has left running."""
    if directory.is_dir():
        stop(unfinished(directory))
        shutil.rmtree(directory)
