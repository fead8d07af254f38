"""The lines of a log that explain a failure, fit to be shown: no secrets, no control characters."""

import re
from collections.abc import Sequence
from dataclasses import field, replace
from pathlib import Path

from doitstack.config.masking import Mask
from doitstack.journal.run_record import RunRecord
from doitstack.journal.step_record import StepRecord
from doitstack.private_files import last_lines
from doitstack.records import Record

LINES = 20
"""How many lines of a log are shown."""

WIDEST = 500
"""Characters of a line that are shown."""

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)")
"""The escape sequences that move the cursor of a terminal or set colours."""

_CONTROL = r"[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
"""Characters that must not stand in XML either. To compile this takes 5 ms, so only failures do."""

_TRACE = re.compile(r"\++ \S")
"""A line of bash's `set -x`. Tables (`+----+`) and most added lines of a diff look different."""

_OURS = re.compile(
    r"\[Async [\w.-]+:\w+\]: |(?:==>|<==|-->) |\.\.\. still running: |Stopp(?:ing|ed) async "
)
"""A line that doitstack adds about steps and futures, which is not output of a step."""


class RunLogs(Record):
    """The logs of a run: `stack.log`, and the directories of its futures' logs and of its traces.

    `futures` is None for a run that is not the last: the logs of its futures are gone.
    """

    main: Path
    futures: Path | None
    traces: Path | None = None
    mask: Mask = field(default_factory=Mask)

    def file_of(self, step: StepRecord) -> Path:
        """Return the log to read about a step."""
        own = step.ended_in_background and self.futures
        return own / f"{step.name}.log" if own else self.main

    def trace_of(self, step: StepRecord) -> Path | None:
        """Return the trace of the script of a step, if it has one."""
        path = self.traces and self.traces / f"{step.task or step.started_by}.log"
        return path if path and path.is_file() and path.stat().st_size else None

    def tail(self, step: StepRecord) -> str:
        """Return the last lines of a step's output; empty if they are not kept."""
        lines: list[str] = []
        if step.log:
            lines = last_lines(self.main, *step.log)
        elif step.is_future and step.was_run and self.futures:
            lines = last_lines(self.futures / f"{step.name}.log")
        text = self.mask.text("\n".join(lines))
        return "\n".join(explaining(text.split("\n")))


def explaining(lines: Sequence[str]) -> list[str]:
    """Return the last LINES lines that may explain a failure.

    Lines of doitstack, traces of bash and empty lines at the end are left out. If nothing but
    traces is there, they are shown: they may have been meant.
    """
    clean = [line for line in map(_as_shown, lines) if not _OURS.match(line)]
    output = [line for line in clean if not _TRACE.match(line) and "_doitstack_" not in line]
    if not any(output):
        output = clean
    while output and not output[-1]:
        output.pop()
    return output[-LINES:]


def _as_shown(line: str) -> str:
    """Return a line as a terminal would show it in the end, without colours."""
    shown = _ESCAPE.sub("", line).rstrip().rpartition("\r")[2].expandtabs(8)
    return "".join(char if char.isprintable() else "?" for char in shown)[:WIDEST]


def without_secrets(run: RunRecord, mask: Mask) -> RunRecord:
    """Return the run with stars instead of secrets in the commands and errors of its steps."""
    steps = [
        replace(
            step,
            command=cleaned(mask.text(step.command)),
            error=cleaned(mask.text(step.error)),
        )
        for step in run.steps
    ]
    return replace(run, steps=steps)


def cleaned(text: str) -> str:
    """Return `text` without colours and control characters, long lines cut.

    The result may also stand in XML.
    """
    plain = re.sub(_CONTROL, "", _ESCAPE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    lines = plain.strip("\n").split("\n")
    return "\n".join(f"{line[:WIDEST]} ..." if len(line) > WIDEST else line for line in lines)
