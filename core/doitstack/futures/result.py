"""How a future ended, put together from its process's code, its file and what it left behind."""

import pickle
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from doitstack.errors import FutureError
from doitstack.futures.future import RemoteTraceback
from doitstack.processes.tree import signal_name

KILLED = 137
"""The code of a future that ended without saying how; the shell's for SIGKILL."""


class Outcome(NamedTuple):
    """The code of a future, what `result()` returns, and what it raises instead."""

    rc: int
    value: Any = None
    error: BaseException | None = None


def outcome(name: str, code: int | None, told: int | None, result: Path) -> Outcome:
    """Return how the future `name` ended.

    `code` is its process's exit code where that is known, `told` the code that it has put on
    record. `result` is the file in which a Python future leaves what it returned or raised; it is
    removed.
    """
    rc, error = _verdict(name, code, told)
    if told is None and _is_full(result.parent):
        error = FutureError(name, f"could not record its end: {result.parent} is full", rc)
    left = _taken(result, name)
    if left is None:
        return Outcome(rc, None, error)
    value, traceback = left
    if traceback:
        value.__cause__ = RemoteTraceback(traceback)
        return Outcome(rc or 1, None, value)
    return Outcome(rc, value if rc == 0 else None, error)


def _is_full(directory: Path) -> bool:
    try:
        return shutil.disk_usage(directory).free == 0
    except OSError:
        return False


def _verdict(name: str, code: int | None, told: int | None) -> tuple[int, BaseException | None]:
    """Return the code of a future and what to raise for it, from what is known of its end."""
    if told is not None and code in (None, told):
        return told, FutureError(name, f"failed with rc {told}", told) if told else None
    if code is not None and code < 0:
        rc, how = 128 - code, f"was killed by {signal_name(-code)}"
    elif code is None:
        rc, how = KILLED, "ended without saying how: killed, or a trap of its own on EXIT"
    else:
        rc, how = code or 1, f"left by os._exit({code}) before its work was recorded"
    return rc, FutureError(name, how, rc)


def _taken(path: Path, name: str) -> tuple[Any, str] | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    path.unlink()
    try:
        value, text = pickle.loads(data)  # noqa: S301 - written by our own child, mode 0600
    except (Exception, SystemExit) as error:
        return FutureError(name, f"its result cannot be unpickled: {error}"), repr(error)
    return value, text
