"""The message that ends a run: the summary, or what failed first and how to resume."""

from doitstack.console.step_lines import StepReporter
from doitstack.dodo import CLEAN
from doitstack.engine.doit_runner import FutureRunner
from doitstack.engine.run import Executor
from doitstack.journal.failures import outcome
from doitstack.journal.raw_events import read_events
from doitstack.reports.failure_summary import Logs, last_words


def closing_message(executor: Executor, reporter: StepReporter, runner: FutureRunner) -> str:
    """Return the last lines of a run's output."""
    names = ["clean" if name == CLEAN else name for name in executor.options.tasks]
    again = " ".join(["doit", *names])
    signalled = str(runner.interrupted or "")
    if not reporter.failures and not signalled:
        is_log_removed = CLEAN in executor.options.tasks
        return reporter.summary(again, None if is_log_removed else executor.log.path)
    logs = Logs(executor.log.path, executor.futures_dir, executor.traces)
    events = read_events(executor.journal.path)
    return last_words(
        outcome(events, strict=executor.options.strict),
        logs,
        messages=reporter.failures,
        signalled=signalled,
        again=again,
    )
