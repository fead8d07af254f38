"""Limit the time that futures run."""

from doitstack.errors import TIMED_OUT, FutureError, StepTimeoutError
from doitstack.futures.future import Future
from doitstack.futures.run_context import RunContext
from doitstack.futures.watchdog import mark
from doitstack.processes.tree import Root, stop


def limit_time(run: RunContext, future: Future) -> None:
    """Stop the whole process tree of a future if it runs longer than its `timeout`.

    A future in the bash session itself has no process of its own: its step ends with it.
    """
    if not future.timeout:
        return

    def time_out() -> None:
        future.has_timed_out = True
        run.log.write(future.line(f"timed out after {future.timeout:g} s"))
        if future.pid:
            stop([Root(future.pid, mark(run.name, future.name))])
        else:
            run.loop.interrupt(StepTimeoutError(future.timeout, future.name))

    cancel = run.loop.call_later(future.timeout, time_out)
    future.when_ended(lambda _: cancel())


def time_out_error(future: Future) -> FutureError:
    """Return the error of a future that has timed out."""
    return FutureError(future.name, f"timed out after {future.timeout:g} s", TIMED_OUT)
