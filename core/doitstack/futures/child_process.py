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
from doitstack.futures.watchdog import die_with_parent
from doitstack.journal.job_file import Job, close_job, open_job
from doitstack.planning.call_action import traceback_of
from doitstack.processes.signals import raise_no_more, raise_on_signals
from doitstack.processes.tree import FUTURE_MARK, look_up, take_family_name
from doitstack.records import Record

LOST = 1
"""The code of a future whose Python action raised."""


class Assignment(Record):
    """The work of a child.

    Args:
        name: the name of the future.
        command: the command or function, for messages.
        directory: the directory of its files.
        main_log: the log of the main line.
        parent: the pid of the main process.
        mark: the value of FUTURE_MARK in its environment.
        now: returns the time (s since the epoch).
        close_inherited: closes the descriptors that only the main process uses.
        streams: stdout and stderr of the child.
        in_place: whether it runs in a serial run, with its output in the main log.
    """

    name: str
    command: str
    directory: Path
    main_log: Path
    parent: int
    mark: str
    now: Callable[[], float]
    close_inherited: Callable[[], None]
    streams: tuple[TextIO, TextIO]
    in_place: bool = False

    @property
    def result(self) -> Path:
        """The file of the child's pickled result or exception."""
        return self.directory / f"{self.name}.result"


def run_child(work: Assignment, action: Callable[[], Any]) -> NoReturn:
    """Run `action` and exit. Exit handlers of the parent do not run."""
    code = LOST
    try:
        _separate(work)
        descriptor = _open_job(work)
        _say(work, "Running synchronously" if work.in_place else "running", work.command)
        code = _run(work, action)
        _flush()
        close_job(descriptor, _milliseconds(work), code)
        if not work.in_place:
            _say(work, "finished successfully" if code == 0 else f"FAILED with rc {code}")
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


def _separate(work: Assignment) -> None:
    """Make the child independent of the parent's group, streams and descriptors."""
    die_with_parent(work.parent)
    os.setpgid(0, 0)
    take_family_name()
    _own_streams(work)
    work.close_inherited()


def _open_job(work: Assignment) -> int:
    """Create the job file; return its descriptor."""
    pid = os.getpid()
    process = look_up(pid)
    job = Job(work.command, pid, _milliseconds(work), process.started if process else 0)
    return open_job(f"{work.directory}/{work.name}.ini", job)


def _milliseconds(work: Assignment) -> int:
    """Return the time in ms, as in a job file."""
    return int(work.now() * 1000)


def _say(work: Assignment, *words: str) -> None:
    who = "self" if work.in_place else os.getpid()
    append_line(work.main_log, f"[Async {work.name}:{who}]: {': '.join(words)}")


def child_streams() -> tuple[TextIO, TextIO]:
    """Return stdout and stderr for all children: made once, since that is slow."""
    return _stream(1), _stream(2)


def _stream(descriptor: int) -> TextIO:
    return open(descriptor, "w", buffering=1, closefd=False, errors="backslashreplace")


def _own_streams(work: Assignment) -> None:
    os.environ[FUTURE_MARK] = work.mark
    log = work.main_log if work.in_place else f"{work.directory}/{work.name}.log"
    null = os.open(os.devnull, os.O_RDONLY)
    # Another future may have had the name and was collected; its log is replaced.
    truncate = 0 if work.in_place else os.O_TRUNC
    output = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND | truncate, 0o600)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.close(null)
    sys.stdout, sys.stderr = work.streams
    signal.set_wakeup_fd(-1)
    raise_on_signals()


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def _run(work: Assignment, action: Callable[[], Any]) -> int:
    try:
        try:
            return _act(work, action)
        finally:
            raise_no_more()
    except SystemExit as request:
        return _exit_code(request)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _act(work: Assignment, action: Callable[[], Any]) -> int:
    """Run the action and save what it returns or raises. Exits and signals are not caught."""
    try:
        _save_result(work, action(), "")
        return 0
    except (SystemExit, KeyboardInterrupt):
        raise
    except DoitstackError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        _save_result(work, error, str(error))
        return _error_code(error)
    except BaseException as error:
        text = traceback_of(error)
        sys.stderr.write(text)
        _save_result(work, error, text)
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


def _save_result(work: Assignment, outcome: Any, text: str) -> None:
    """Save what `result()` returns or raises; `text` is the traceback of an exception."""
    if outcome is None:
        return
    try:
        data = _pickled((outcome, text))
    except Exception as error:
        if not text:
            raise FutureError(work.name, f"its result cannot be pickled: {error}") from error
        data = _pickled((RuntimeError(text.strip().rpartition("\n")[2]), text))
    try:
        work.result.touch(0o600)
        work.result.write_bytes(data)
    except OSError as error:
        # An incomplete file cannot be read.
        work.result.unlink(missing_ok=True)
        if not text:
            raise FutureError(work.name, f"its result cannot be kept: {error}") from error


def _pickled(result: tuple[Any, str]) -> bytes:
    """Return the data for the parent. Raises any error that unpickling it would raise."""
    data = pickle.dumps(result)
    pickle.loads(data)  # noqa: S301 - our own, of this moment
    return data
