"""The format of `$DEST/async/NAME.ini`, the file of a future. DevStack's keys come first."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from doitstack.private_files import read_regular

_MOST_DIGITS = 18
_APPEND = os.O_WRONLY | os.O_APPEND


class Job(NamedTuple):
    """One future, from its file. Times are in ms since the epoch.

    `pid` is 0 for one that ran in the bash session itself, and while it is not known yet.
    `started` is the start time of `pid` in clock ticks since boot. `rc` and `end_time` are None
    until the future has recorded its end.
    """

    command: str
    pid: int
    start_time: int
    started: int
    end_time: int | None = None
    rc: int | None = None


def open_job(path: Path | str, job: Job) -> int:
    """Write the file of a future that starts; return the descriptor for `close_job`.

    Raises FileExistsError if an uncollected future has that name.
    """
    command = job.command.replace("\n", "\\n")
    pid = f"pid = {job.pid}\n" if job.pid else ""
    text = f"[job]\ncommand = {command}\n{pid}start_time = {job.start_time}\n"
    if pid:
        text += f"pid_start_time = {job.started}\n"
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | _APPEND, 0o600)
    os.write(descriptor, text.encode(errors="surrogateescape"))
    return descriptor


def add_process(descriptor: int, pid: int, started: int) -> None:
    """Record the process of a future whose file has none yet."""
    os.write(descriptor, f"pid = {pid}\npid_start_time = {started}\n".encode())


def reopen_job(path: Path | str) -> int:
    """Return the descriptor for `close_job` of a file that is closed."""
    return os.open(path, _APPEND)


def close_job(descriptor: int, end_time: int, rc: int) -> None:
    """Record how the future ended, in one write, before its process ends."""
    os.write(descriptor, f"end_time = {end_time}\nrc = {rc}\n".encode())
    os.close(descriptor)


def read_job(path: Path | str) -> Job | None:
    """Return the future of that file, or None if it is missing, incomplete or no file.

    A last line without its newline was cut off by a crash and is ignored.
    """
    try:
        text = read_regular(path).decode(errors="surrogateescape")
    except OSError:
        return None
    values: dict[str, str] = {}
    for line in text.split("\n")[:-1]:
        key, separator, value = line.partition("=")
        if separator:
            values[key.strip()] = value.strip()
    with suppress(KeyError, ValueError):
        return Job(
            command=values["command"],
            pid=0 if values.get("pid", "self") == "self" else _number(values["pid"]),
            start_time=_number(values["start_time"]),
            started=_number(values.get("pid_start_time", "0")),
            end_time=_number(values["end_time"]) if "end_time" in values else None,
            rc=_number(values["rc"]) if "rc" in values else None,
        )
    return None


def masked(line: bytes, mask: Callable[[bytes], bytes]) -> bytes:
    """Return a line with its command masked; `mask` keeps the length of what it is given."""
    key, separator, command = line.partition(b" = ")
    return key + separator + mask(command) if key == b"command" else line


def _number(text: str) -> int:
    """Return a number of a job. Raises ValueError, also for one that is no time and no pid."""
    if len(text) > _MOST_DIGITS:
        raise ValueError(text[:_MOST_DIGITS])
    return int(text)
