"""How a future ended, from the exit code of its process, its job file and its result file."""

import pickle
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from doitstack.errors import FutureError
from doitstack.futures.future import RemoteTraceback
from doitstack.private_files import read_regular
from doitstack.processes.tree import signal_name

KILLED = 137
"""The code of a future that ended without recording one: that of the shell for SIGKILL."""


class Outcome(NamedTuple):
    """The code of a future, what `result()` returns, and what it raises instead."""

    rc: int
    value: Any = None
    error: BaseException | None = None


def outcome(
    name: str, code: int | None, recorded: int | None, result: Path | str, place: str = ""
) -> Outcome:
    """Return how the future `name` ended.

    Args:
        code: the exit code of its process; None for one of the bash session, which has no result.
        recorded: the code in its job file, if it has recorded one.
        result: the file with what a Python future returned or raised; it is removed.
        place: `FILE:LINE: ` for the message of an exit code, which names no line.
    """
    rc, error = _code_and_error(name, code, recorded, place)
    if recorded is None and _is_full(directory := Path(result).parent):
        error = FutureError(name, f"could not record its end: {directory} is full", rc)
    saved = None if code is None else _taken(result, name)
    if saved is None:
        return Outcome(rc, None, error)
    value, traceback = saved
    if traceback:
        value.__cause__ = RemoteTraceback(traceback)
        return Outcome(rc or 1, None, value)
    return Outcome(rc, value if rc == 0 else None, error)


def _is_full(directory: Path) -> bool:
    try:
        return shutil.disk_usage(directory).free == 0
    except OSError:
        return False


def _code_and_error(
    name: str, code: int | None, recorded: int | None, place: str
) -> tuple[int, BaseException | None]:
    """Return the code of a future, and the error to raise unless that is 0."""
    if recorded is not None and code in (None, recorded):
        error = (
            FutureError(name, f"{place}failed with rc {recorded}", recorded) if recorded else None
        )
        return recorded, error
    if code is not None and code < 0:
        rc, how = 128 - code, f"was killed by {signal_name(-code)}"
    elif code is None:
        rc = KILLED
        how = "ended without recording an exit code: it was killed, or its EXIT trap replaced ours"
    else:
        rc, how = code or 1, f"called os._exit({code}) before its end was recorded"
    return rc, FutureError(name, f"{place}{how}", rc)


def _taken(path: Path | str, name: str) -> tuple[Any, str] | None:
    try:
        data = read_regular(path)
    except FileNotFoundError:
        return None
    Path(path).unlink()
    try:
        value, text = pickle.loads(data)  # noqa: S301 - written by our own child, mode 0600
    except (Exception, SystemExit) as error:
        return FutureError(name, f"its result cannot be unpickled: {error}"), repr(error)
    return value, text
