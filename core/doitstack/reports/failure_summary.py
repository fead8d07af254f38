"""The last words of a run that has failed or was interrupted. Returns text and shows nothing."""

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from doitstack.journal.failures import Failure, Outcome
from doitstack.processes.tree import signal_name
from doitstack.reports.excerpt import FAR, telling

NAMES = 3
"""How many names are told before the rest is only counted."""


@dataclass(frozen=True)
class Logs:
    """Where the logs of a run are: of its main line, of its futures, of what scripts trace."""

    main: Path
    futures: Path
    traces: Path


def last_words(
    outcome: Outcome, logs: Logs, *, messages: Sequence[str], signalled: str, again: str
) -> str:
    """Return what to say at the end: what failed first, why, its log, and how to go on.

    `messages` are what doit was told of failures; `signalled` names the signal that has interrupted
    the run, if one has; `again` is the command to go on with. The facts come last: they are what a
    low terminal still shows.
    """
    first, *others = outcome.failures or (None,)
    if signalled:
        lines = [f"INTERRUPTED by {signalled}{_whereabouts(outcome)}"]
        others = list(outcome.failures)
        first = None
    elif first:
        lines = [*_excerpt(first, logs), _headline(first)]
    else:
        lines = [messages[0] if messages else "ERROR: the run has failed"]
    lines += _also(others)
    lines += _because(outcome)
    lines += _places(first, logs)
    advice = "resume" if signalled else "fix it, then resume"
    return "\n".join(["", *lines, f"{advice} with: {again}"])


def _headline(failure: Failure) -> str:
    return f"FAILED after {failure.seconds:.1f} s: {_identity(failure)}: {_how(failure)}"


def _whereabouts(outcome: Outcome) -> str:
    """Return what the main line did when it was interrupted."""
    if step := outcome.interrupted:
        return f" after {step.seconds:.1f} s: {_identity(step)}"
    if outcome.awaited is None:
        return ""
    return f" while the main line waited for {outcome.awaited or 'a future'}"


def _identity(failure: Failure) -> str:
    kind = "future" if failure.is_future else "step"
    return f"{failure.phase}: plugin {failure.plugin}: {kind} {failure.name}"


def _how(failure: Failure) -> str:
    """Return the exit code, the signal or the exception that was the end of it."""
    words = failure.error.removeprefix(f"future {failure.name}: ") or "failed"
    if words != f"failed with rc {failure.rc}":
        return words
    number = (failure.rc or 0) - 128
    by_signal = f" (128 + {signal_name(number)})" if number in set(signal.Signals) else ""
    return f"exit code {failure.rc}{by_signal}"


def _also(others: Sequence[Failure]) -> Iterator[str]:
    """Tell what else has failed: futures have logs, but what a step says is to be told here."""
    yield from (_headline(failure) for failure in others if not failure.is_future)
    futures = [failure.name for failure in others if failure.is_future]
    if futures:
        yield f"failed too: {_names(futures)}"


def _because(outcome: Outcome) -> Iterator[str]:
    """Say in one line what did not come to its end only because of that."""
    parts = [
        f"{what} because of it: {_names(names)}"
        for what, names in (("stopped", outcome.stopped), ("not run", outcome.not_run))
        if names
    ]
    if parts:
        yield "; ".join(parts)


def _names(names: Sequence[str]) -> str:
    told = ", ".join(names[:NAMES])
    return told if len(names) <= NAMES else f"{told} and {len(names) - NAMES} more"


def _places(failure: Failure | None, logs: Logs) -> Iterator[str]:
    if failure and failure.is_future:
        yield f"log: {_log(failure, logs)}"
    else:
        yield f"log: {logs.main}"
    trace = logs.traces / f"{failure.task}.log" if failure else None
    if trace and trace.is_file() and trace.stat().st_size:
        yield f"trace of its commands: {trace}"


def _log(failure: Failure, logs: Logs) -> Path:
    return logs.futures / f"{failure.name}.log" if failure.is_future else logs.main


# -- the end of a log ------------------------------------------------------------------------


def _excerpt(failure: Failure, logs: Logs) -> Iterator[str]:
    lines = telling(_read_end(failure, logs))
    if lines:
        yield f"the last lines of {failure.name}:"
        yield from (f"    {line}" for line in lines)
        yield ""


def _read_end(failure: Failure, logs: Logs) -> list[str]:
    """Return the last lines of what a future or a step has said; none if the log has gone."""
    try:
        with _log(failure, logs).open("rb") as file:
            start, end = failure.log
            if failure.is_future:
                start, end = 0, file.seek(0, 2)
            cut = max(start, end - FAR)
            file.seek(cut)
            lines = file.read(end - cut).decode(errors="replace").split("\n")
    except FileNotFoundError:
        return []
    return lines if cut == start else lines[1:]
