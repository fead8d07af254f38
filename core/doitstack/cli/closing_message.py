"""The message that ends a run: the summary, or what failed first and how to resume."""

from doitstack.console.step_lines import StepReporter
from doitstack.dodo import CLEAN
from doitstack.engine.doit_runner import FutureRunner
from doitstack.engine.run import Executor
from doitstack.journal.failures import failures_of
from doitstack.journal.run_record import read_run
from doitstack.reports.failure_summary import failure_summary
from doitstack.reports.log_excerpts import RunLogs

SHOWN = 10
"""How many warnings are repeated."""


def closing_message(executor: Executor, reporter: StepReporter, runner: FutureRunner) -> str:
    """Return the last lines of a run's output."""
    return "\n".join([*_warnings(executor), _ending(executor, reporter, runner)])


def _warnings(executor: Executor) -> list[str]:
    """Return the warnings of the run, at most SHOWN of them."""
    lines = [f"WARNING: {text}" for text in executor.warnings[:SHOWN]]
    if more := len(executor.warnings) - len(lines):
        lines.append(f"{more} more warnings: {executor.log.path}")
    return lines


def _ending(executor: Executor, reporter: StepReporter, runner: FutureRunner) -> str:
    names = ["clean" if name == CLEAN else name for name in executor.options.tasks]
    again = " ".join(["doit", *names])
    signalled = str(runner.interrupted or "")
    if not reporter.failures and not signalled:
        is_log_removed = CLEAN in executor.options.tasks
        return reporter.summary(again, None if is_log_removed else executor.log.path)
    logs = RunLogs(executor.log.path, executor.futures_dir, executor.traces)
    record = read_run(executor.journal.path)
    assert record, "the journal of a run begins with its start"
    return failure_summary(
        failures_of(record, strict=executor.options.strict),
        logs,
        messages=reporter.failures,
        signalled=signalled,
        again=again,
    )
