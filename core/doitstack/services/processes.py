"""Find processes by their environment, and end them for good. Knows nothing of the rest."""

import time
from collections.abc import Mapping
from contextlib import suppress

import psutil


def processes_with(environ: Mapping[str, str]) -> list[psutil.Process]:
    """Return the processes of this user that were started with all of `environ`."""
    return [process for process in psutil.process_iter() if _has(process, environ)]


def end_processes(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """End `processes`: SIGTERM, `seconds` of grace, SIGKILL; return those that still live.

    Waits until they are gone. A pid that was given anew is never signalled.
    """
    alive = processes
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for process in alive:
            with suppress(psutil.Error):
                end(process)
        alive = _remaining(alive, time.monotonic() + seconds)
    return alive


def _has(process: psutil.Process, environ: Mapping[str, str]) -> bool:
    try:
        return environ.items() <= process.environ().items()
    except (psutil.Error, OSError):
        return False  # it has ended, or is another user's


def _remaining(processes: list[psutil.Process], deadline: float) -> list[psutil.Process]:
    while processes := [process for process in processes if _is_alive(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return processes


def _is_alive(process: psutil.Process) -> bool:
    # A zombie counts as gone: in some containers nobody ever takes it away.
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
