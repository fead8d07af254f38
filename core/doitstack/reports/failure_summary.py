"""The last lines of a run that has failed or was interrupted. Returns text, shows nothing."""

import re
import signal
from collections.abc import Iterator, Sequence

from doitstack.journal.failures import RunFailures
from doitstack.journal.step_record import StepRecord
from doitstack.processes.tree import signal_name
from doitstack.reports.formatting import brief_list
from doitstack.reports.log_excerpts import RunLogs

NOTABLE = 0.05
"""Seconds; what fails sooner, fails at once."""

NAMES = 3
"""How many names a list shows before it counts the rest."""

_DIED = re.compile(r"(?m)^\[ERROR\] .*?:\d* (.+)$")
"""What DevStack's `die` prints: the place of the call, and its message."""


def failure_summary(
    found: RunFailures, logs: RunLogs, *, messages: Sequence[str], signalled: str, again: str
) -> str:
    """Return the first failure, its reason, the end of its log, and how to resume.

    `messages` are the failures as doit reported them; `signalled` names the signal that has
    interrupted the run, if one has; `again` is the command to resume with. The facts come last:
    they are what a low terminal still shows.
    """
    first, *others = found.failed or (None,)
    if signalled:
        lines = [f"INTERRUPTED by {signalled}{_interrupted_at(found)}"]
        others = list(found.failed)
        first = None
    elif first:
        text = logs.tail(first)
        lines = [*_excerpt(first, text), _headline(first, text)]
    else:
        lines = [messages[0] if messages else "ERROR: the run has failed"]
    lines += _other_failures(others)
    lines += _consequences(found)
    lines += _files(first, logs)
    advice = "resume" if signalled else "fix it, then resume"
    return "\n".join(["", *lines, f"{advice} with: {again}"])


def _headline(step: StepRecord, output: str = "") -> str:
    duration = f" after {step.seconds:.1f} s" if step.seconds >= NOTABLE else ""
    return f"FAILED{duration}: {_label(step)}: {_reason(step, output)}"


def _interrupted_at(found: RunFailures) -> str:
    """Return the activity of the main line when it was interrupted."""
    if step := found.interrupted:
        return f" after {step.seconds:.1f} s: {_label(step)}"
    if found.awaited is None:
        return ""
    return f" while the main line waited for {found.awaited or 'a future'}"


def _label(step: StepRecord) -> str:
    kind = "future" if step.ended_in_background else "step"
    return f"{step.phase}: plugin {step.plugin}: {kind} {step.name}"


def _reason(step: StepRecord, output: str) -> str:
    """Return the exit code, the signal or the exception with which a step ended.

    After the code comes the message with which DevStack's `die` ended it, if `output` has one.
    """
    words = step.error.removeprefix(f"future {step.name}: ") or "failed"
    plain = re.fullmatch(rf"(.+:\d+: )?failed with rc {step.rc}", words)
    if not plain:
        return words
    number = (step.rc or 0) - 128
    by_signal = f" (128 + {signal_name(number)})" if number in set(signal.Signals) else ""
    message = "".join(f": {text}" for text in _DIED.findall(output)[-1:])
    return f"{plain[1] or ''}exit code {step.rc}{by_signal}{message}"


def _other_failures(others: Sequence[StepRecord]) -> Iterator[str]:
    """Yield a line for each other step, and one for all other futures, which have logs."""
    yield from (_headline(step) for step in others if not step.ended_in_background)
    futures = [step.name for step in others if step.ended_in_background]
    if futures:
        yield f"failed too: {brief_list(futures, NAMES)}"


def _consequences(found: RunFailures) -> Iterator[str]:
    """Yield one line about the steps that were stopped or not run only because of the failure."""
    parts = [
        f"{what} because of it: {brief_list(names, NAMES)}"
        for what, names in (("stopped", found.stopped), ("not run", found.not_run))
        if names
    ]
    if parts:
        yield "; ".join(parts)


def _files(step: StepRecord | None, logs: RunLogs) -> Iterator[str]:
    yield f"log: {logs.file_of(step) if step else logs.main}"
    trace = logs.trace_of(step) if step else None
    if trace:
        yield f"trace of its commands: {trace}"


def _excerpt(step: StepRecord, text: str) -> Iterator[str]:
    if text:
        yield f"the last lines of {step.name}:"
        yield from (f"    {line}" for line in text.split("\n"))
        yield ""
