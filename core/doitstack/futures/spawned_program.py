"""A program that is a future: spawned, so that no memory of the main process is copied for it.

The main process writes what a forked child writes itself. The job file is there before the process:
if the main process is killed in between, a watchdog finds the process by its mark.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import Popen

from doitstack.errors import CommandError
from doitstack.futures.future import Future, ended_line
from doitstack.futures.run_context import RunContext
from doitstack.futures.watchdog import mark
from doitstack.journal.job_file import Job, add_process, close_job, open_job, reopen_job
from doitstack.processes.program import Program
from doitstack.processes.tree import FUTURE_MARK, start_time


class SpawnedProgram:
    """The program of one future."""

    def __init__(self, run: RunContext, future: Future, argv: Sequence[str | Path]) -> None:
        self._run = run
        self._future = future
        self._program = Program(argv, {FUTURE_MARK: mark(run.name, future.name)})
        self._process: Popen[bytes] | None = None

    def start(self) -> int:
        """Start it; return its pid. Raises OSError, and CommandError if it is no program."""
        future = self._future
        if future.in_place:
            self._say(f"Running synchronously: {future.command}")
        with self._log(os.O_TRUNC) as log:
            job = open_job(self._path("ini"), Job(future.command, 0, self._now(), 0))
            try:
                self._process = process = self._program.start(log, own_group=True)
            except CommandError as error:
                self._record(error.code, error)
                raise
            else:
                with suppress(OSError):  # on a full disk it is found by its mark alone
                    add_process(job, process.pid, start_time(process.pid))
            finally:
                os.close(job)
        future.pid = process.pid
        if not future.in_place:
            self._say(f"running: {future.command}")
        return process.pid

    def record_end(self, code: int) -> CommandError | None:
        """Record that its process has ended with `code`; return the error if it has failed.

        One that was killed has recorded no end, so that what it has started is killed, too.
        """
        assert self._process
        self._process.returncode = code  # nothing is left to wait for
        if code < 0:
            return None
        error = self._program.failure(code)
        with suppress(OSError):  # on a full disk there is no record, which is a failure
            self._record(code, error)
        return error

    def _record(self, code: int, error: CommandError | None) -> None:
        if error:
            with self._log() as log:
                os.write(log, f"ERROR: {error}\n".encode(errors="surrogateescape"))
        close_job(reopen_job(self._path("ini")), self._now(), code)
        if not self._future.in_place:
            self._say(ended_line(code))

    @contextmanager
    def _log(self, flags: int = 0) -> Iterator[int]:
        """Open its log; in a serial run, that is the main log."""
        if self._future.in_place:
            yield self._run.log.descriptor
            return
        flags |= os.O_CREAT | os.O_WRONLY | os.O_APPEND
        descriptor = os.open(self._path("log"), flags, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _path(self, suffix: str) -> str:
        return self._run.file(self._future.name, suffix)

    def _now(self) -> int:
        """Return the time in ms, as in a job file."""
        return int(self._run.journal.now() * 1000)

    def _say(self, message: str) -> None:
        self._run.log.add(self._future.line(message))
