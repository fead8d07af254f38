"""The processes of a supervisord, found without the code that is tested."""

from contextlib import suppress
from pathlib import Path

import psutil

from doitstack.services.supervisord import DIRECTORY_VARIABLE


def service_processes(directory: Path) -> list[psutil.Process]:
    """Return the processes that were started with `directory` in their environment."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):  # it has ended, or is another user's
            if process.environ().get(DIRECTORY_VARIABLE) == str(directory):
                found.append(process)
    return found
