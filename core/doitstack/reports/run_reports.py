"""The page, the trace and the test results of a run; everything that they need is read once."""

from functools import cached_property
from pathlib import Path

from doitstack.config.passwords import known_mask
from doitstack.errors import StepError
from doitstack.journal.last_run import last_run
from doitstack.journal.log_files import main_log_of
from doitstack.journal.run_comparison import Comparison, compare, run_before
from doitstack.journal.run_record import RunRecord, read_run
from doitstack.journal.timing import timing_of
from doitstack.reports.chrome_trace import trace
from doitstack.reports.junit import junit
from doitstack.reports.log_excerpts import RunLogs, without_secrets
from doitstack.stack import Stack


class Reports:
    """The reports of the run with the journal `path`, compared with that of `before` if given."""

    def __init__(self, stack: Stack, path: Path, before: Path | None = None) -> None:
        self._stack = stack
        self._path = path
        self._before = before
        self._mask = known_mask(stack.settings)

    def page(self) -> str:
        """Return the run as a page of HTML."""
        from doitstack.reports.html.page import Findings, page  # noqa: PLC0415 - loads jinja2

        timing = timing_of(self._stack.log_dir, self._run)
        return self._mask.text(page(Findings(self._run, timing, self._comparison(), self._logs)))

    def trace(self) -> str:
        """Return the run as Chrome trace events."""
        return self._mask.text(trace(self._run))

    def junit(self) -> str:
        """Return the run as JUnit XML."""
        return self._mask.text(junit(self._run, self._logs))

    @cached_property
    def _run(self) -> RunRecord:
        return without_secrets(_readable(self._path), self._mask)

    @cached_property
    def _logs(self) -> RunLogs:
        stack = self._stack
        is_last = last_run(stack.log_dir) == self._path
        async_dir = stack.dest / "async" if is_last else None
        main = main_log_of(stack.log_dir, self._path.stem)
        return RunLogs(main, async_dir, mask=self._mask)

    def _comparison(self) -> Comparison | None:
        before = (
            _readable(self._before) if self._before else run_before(self._stack.log_dir, self._run)
        )
        return compare(self._run, before) if before else None


def _readable(path: Path) -> RunRecord:
    run = read_run(path)
    if run is None:
        raise StepError(f"{path} holds no run")
    return run
