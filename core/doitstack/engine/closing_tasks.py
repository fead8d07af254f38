"""The tasks that end `doit stack`: async_cleanup, service_check and async_timing."""

from doitstack.engine.run import Executor
from doitstack.errors import StepError
from doitstack.journal.run_record import read_run
from doitstack.journal.timing import timing_of
from doitstack.planning.doit_tasks import CLEANUP, SERVICE_CHECK
from doitstack.reports import tables


class BuiltIn:
    """Runs a built-in task by its name."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def __call__(self, name: str) -> None:
        """Run it. Raises StepError."""
        if name == CLEANUP:
            self._clean_up()
        elif name == SERVICE_CHECK:
            self._check_services()
        else:
            self._report_timing()

    def _clean_up(self) -> None:
        failed = self._executor.collect_rest()
        if failed and self._executor.options.strict:
            names = ", ".join(future.name for future in failed)
            raise StepError(f"uncollected futures have failed: {names} (ASYNC_STRICT is set)")

    def _check_services(self) -> None:
        # Said here, too: of a run that has failed already nobody shows another failure.
        dead = self._executor.stack.dead_services()
        for death in dead.values():
            self._executor.say(f"ERROR: {death}")
        if dead:
            names = ", ".join(dead)
            raise StepError(f"services have died: {names}; the ends of their logs are above")

    def _report_timing(self) -> None:
        journal = self._executor.journal
        self._executor.sample_usage()
        run = read_run(journal.path)
        if run:
            timing = timing_of(self._executor.stack.log_dir, run)
            self._executor.say("\n" + tables.timing_tables(timing))
