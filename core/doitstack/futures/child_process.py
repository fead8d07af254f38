"""The child process of a Python future: it runs one action and records how that ended.

Its log, its exit code and its result are on disk before it exits.
"""

import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TextIO

from doitstack.console.main_log import append_line
from doitstack.errors import CommandError, DoitstackError, FutureError
from doitstack.futures.future import Future, ended_line
from doitstack.futures.watchdog import mark
from doitstack.journal.job_file import Job, close_job, open_job
from doitstack.planning.call_action import traceback_of
from doitstack.processes.prctl import die_with_parent, take_family_name
from doitstack.processes.signals import raise_no_more, raise_on_signals
from doitstack.processes.tree import FUTURE_MARK, start_time
from doitstack.records import Record

LOST = 1
"""The code of a future whose Python action raised."""


class Setting(Record):
    """What all children of a run share.

    Args:
        run: the name of the run.
        directory: the directory of the files of futures.
        main_log: the log of the main line.
        parent: the pid of the main process.
        now: returns the time (s since the epoch).
        close_inherited: closes the descriptors that only the main process uses.
        streams: stdout and stderr of a child.
    """

    run: str
    directory: str
    main_log: str
    parent: int
    now: Callable[[], float]
    close_inherited: Callable[[], None]
    streams: tuple[TextIO, TextIO]

    def path(self, future: Future, suffix: str) -> str:
        """Return the path of a file of a future."""
        return f"{self.directory}/{future.name}.{suffix}"


def run_child(setting: Setting, future: Future, action: Callable[[], Any]) -> NoReturn:
    """Run `action` as `future` and exit. Exit handlers of the parent do not run."""
    code = LOST
    try:
        _separate(setting, future)
        descriptor = _open_job(setting, future)
        how = "Running synchronously" if future.in_place else "running"
        append_line(setting.main_log, future.line(f"{how}: {future.command}"))
        code = _run(setting.path(future, "result"), future.name, action)
        _flush()
        close_job(descriptor, _milliseconds(setting), code)
        if not future.in_place:
            append_line(setting.main_log, future.line(ended_line(code)))
    except (SystemExit, KeyboardInterrupt):
        # It was stopped before its action began.
        code = 128 + signal.SIGTERM
    except OSError as error:
        code = code or LOST
        # On a full disk this message most likely cannot be written, either.
        sys.stderr.write(f"ERROR: {error}\n")
    except BaseException:
        code = code or LOST
        traceback.print_exc()
    finally:
        # An exception, as on a full disk, must not run the code of the parent a second time.
        os._exit(code)


def _separate(setting: Setting, future: Future) -> None:
    """Make the child independent of the parent's group, streams and descriptors."""
    die_with_parent(setting.parent)
    os.setpgid(0, 0)
    take_family_name()
    _own_streams(setting, future)
    setting.close_inherited()


def _open_job(setting: Setting, future: Future) -> int:
    """Create the job file; return its descriptor."""
    future.pid = pid = os.getpid()
    job = Job(future.command, pid, _milliseconds(setting), start_time(pid))
    return open_job(setting.path(future, "ini"), job)


def _milliseconds(setting: Setting) -> int:
    """Return the time in ms, as in a job file."""
    return int(setting.now() * 1000)


def child_streams() -> tuple[TextIO, TextIO]:
    """Return stdout and stderr for all children: made once, since that is slow."""
    return _stream(1), _stream(2)


def _stream(descriptor: int) -> TextIO:
    return open(descriptor, "w", buffering=1, closefd=False, errors="backslashreplace")


def _own_streams(setting: Setting, future: Future) -> None:
    os.environ[FUTURE_MARK] = mark(setting.run, future.name)
    log = setting.main_log if future.in_place else setting.path(future, "log")
    null = os.open(os.devnull, os.O_RDONLY)
    # Another future may have had the name and was collected; its log is replaced.
    truncate = 0 if future.in_place else os.O_TRUNC
    output = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND | truncate, 0o600)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.close(null)
    sys.stdout, sys.stderr = setting.streams
    signal.set_wakeup_fd(-1)
    raise_on_signals()


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def _run(result: str, name: str, action: Callable[[], Any]) -> int:
    try:
        try:
            return _act(result, name, action)
        finally:
            raise_no_more()
    except SystemExit as request:
        return _exit_code(request)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _act(result: str, name: str, action: Callable[[], Any]) -> int:
    """Run the action and save what it returns or raises. Exits and signals are not caught."""
    try:
        _save_result(result, name, action())
        return 0
    except (SystemExit, KeyboardInterrupt):
        raise
    except DoitstackError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        _save_result(result, name, error, str(error))
        return _error_code(error)
    except BaseException as error:
        text = traceback_of(error)
        sys.stderr.write(text)
        _save_result(result, name, error, text)
        return LOST


def _exit_code(request: SystemExit) -> int:
    if request.code is None:
        return 0
    if isinstance(request.code, int):
        return request.code & 0xFF
    sys.stderr.write(f"{request.code}\n")
    return LOST


def _error_code(error: DoitstackError) -> int:
    if isinstance(error, CommandError):
        return error.code if error.code > 0 else 128 - error.code
    return error.code if isinstance(error, FutureError) else LOST


def _save_result(path: str, name: str, outcome: Any, text: str = "") -> None:
    """Save what `result()` returns or raises; `text` is the traceback of an exception."""
    if outcome is None:
        return
    try:
        data = _pickled((outcome, text))
    except Exception as error:
        if not text:
            raise FutureError(name, f"its result cannot be pickled: {error}") from error
        data = _pickled((RuntimeError(text.strip().rpartition("\n")[2]), text))
    file = Path(path)
    try:
        file.touch(0o600)
        file.write_bytes(data)
    except OSError as error:
        # An incomplete file cannot be read.
        file.unlink(missing_ok=True)
        if not text:
            raise FutureError(name, f"its result cannot be kept: {error}") from error


def _pickled(result: tuple[Any, str]) -> bytes:
    """Return the data for the parent. Raises any error that unpickling it would raise."""
    data = pickle.dumps(result)
    pickle.loads(data)  # noqa: S301 - our own, of this moment
    return data
