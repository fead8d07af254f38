"""The message that ends a run: the summary, or what failed first and how to resume."""

import shlex
from collections.abc import Iterator, Sequence

from doitstack.console.step_lines import StepReporter
from doitstack.engine.doit_runner import FutureRunner
from doitstack.engine.run import OpenRun
from doitstack.journal.failures import RunFailures, failures_of
from doitstack.journal.run_record import read_run
from doitstack.planning.loaded_directory import CLEAN
from doitstack.processes.left_running import LeftProcess, names_of
from doitstack.reports.failure_summary import failure_summary
from doitstack.reports.log_excerpts import RunLogs

SHOWN = 10
"""How many warnings are repeated."""


def closing_message(
    run: OpenRun, reporter: StepReporter, runner: FutureRunner, left: Sequence[LeftProcess]
) -> str:
    """Return the last lines of a run's output; `left` is what it has left running."""
    them = "it" if len(left) == 1 else "them"
    lines = [f"{names_of(left)}; `doit unstack` ends {them}"] if left else []
    return "\n".join([*_warnings(run), *_losses(run), *lines, _ending(run, reporter, runner)])


def _warnings(run: OpenRun) -> list[str]:
    """Return the warnings of the run, at most SHOWN of them."""
    lines = [f"WARNING: {text}" for text in run.context.warnings[:SHOWN]]
    if more := len(run.context.warnings) - len(lines):
        lines.append(f"{more} more warnings: {run.context.log.path}")
    return lines


def _losses(run: OpenRun) -> Iterator[str]:
    """Yield which records of the run are not complete: they may lack the reason of its failure."""
    for record in (run.context.log, run.context.journal):
        if record.loss:
            yield f"WARNING: {record.path} is not complete: {record.loss}"


def _ending(run: OpenRun, reporter: StepReporter, runner: FutureRunner) -> str:
    names = ["clean" if name == CLEAN else name for name in run.context.options.tasks]
    again = shlex.join(["doit", *names])
    signalled = str(runner.interrupted or "")
    if not reporter.failures and not signalled:
        is_log_removed = CLEAN in run.context.options.tasks
        summary = reporter.summary(again, None if is_log_removed else run.context.log.path)
        return "\n".join([summary, *run.context.last_lines])
    logs = RunLogs(run.context.log.path, run.context.futures_dir, run.executor.traces)
    record = read_run(run.context.journal.path)
    # A full disk may have left the journal empty.
    failures = failures_of(record, strict=run.context.options.strict) if record else RunFailures()
    return failure_summary(
        failures,
        logs,
        messages=reporter.failures,
        signalled=signalled,
        again=again,
    )
