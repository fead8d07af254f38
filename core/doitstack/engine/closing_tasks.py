"""The tasks that end `doit stack`: async_cleanup, service_check and async_timing."""

from collections.abc import Callable

from doitstack.engine.run import OpenRun
from doitstack.errors import DoitstackError, StepError
from doitstack.journal.run_record import read_run
from doitstack.journal.timing import timing_of
from doitstack.planning.doit_tasks import BUILT_IN, CLEANUP, SERVICE_CHECK
from doitstack.reports import tables
from doitstack.stack import Stack

_LOG_COLUMNS = 79
"""Columns of tables in the log, which is also shown in terminals of any width."""


class PendingTasks:
    """The closing tasks that have not run yet; `close` runs one by its name."""

    def __init__(self, close: Callable[[str], None]) -> None:
        self._close = close
        self._pending = list(BUILT_IN)

    def run(self, name: str) -> None:
        """Run the closing task `name`. Raises DoitstackError."""
        self._pending.remove(name)
        self._close(name)

    def run_rest(self) -> bool:
        """Run all that are left, even if one fails; return whether all have succeeded."""
        is_good = True
        while self._pending:
            try:
                self.run(self._pending[0])
            except (DoitstackError, OSError, ImportError):
                is_good = False
        return is_good


class ClosingTasks:
    """Runs the closing tasks of a run."""

    def __init__(self, run: OpenRun, stack: Stack) -> None:
        self._run = run
        self._stack = stack

    def __call__(self, name: str) -> None:
        """Run the closing task `name`. Raises StepError."""
        if name == CLEANUP:
            self._clean_up()
        elif name == SERVICE_CHECK:
            self._check_services()
        else:
            self._report_timing()

    def _clean_up(self) -> None:
        futures = self._run.executor.futures
        wait = futures.collector.when_rest_collected()
        futures.collector.wait_until_over(wait)
        message = f"uncollected futures have failed: {', '.join(one.name for one in wait.failed)}"
        if wait.failed and self._run.context.options.strict:
            raise StepError(f"{message} (ASYNC_STRICT is set)")
        # In a run that has failed, these are the futures that it has stopped.
        if wait.failed and not futures.is_closed:
            self._run.context.warn(f"{message}; `doit log {wait.failed[0].name}` shows why")

    def _check_services(self) -> None:
        # Shown here, since a run that has failed already shows no other failure.
        dead = self._stack.dead_services()
        for death in dead.values():
            self._run.context.say(f"ERROR: {death}")
        if dead:
            names = ", ".join(dead)
            raise StepError(f"services have died: {names}; the ends of their logs are above")

    def _report_timing(self) -> None:
        journal = self._run.context.journal
        self._run.sampler.take()
        record = read_run(journal.path)
        if record:
            timing = timing_of(self._stack.log_dir, record)
            self._run.context.say("\n" + tables.timing_tables(timing, _LOG_COLUMNS))
