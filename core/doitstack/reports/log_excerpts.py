"""The end of a step's own output, fit to be shown: no secrets, no control characters."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from doitstack.config.passwords import redacted
from doitstack.journal.run_record import RunRecord, StepRecord
from doitstack.reports.excerpt import FAR, telling

WIDEST = 400
"""The longest line that is shown whole, in characters."""

_ESCAPE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROL = re.compile(r"[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Logs:
    """Where the output of a run's steps is: a part of `stack.log`, or a future's own file.

    `async_dir` is None for a run that is not the last: its futures' own files are gone.
    """

    def __init__(self, main_log: Path, async_dir: Path | None, secrets: Sequence[str]) -> None:
        self._main_log = main_log
        self._async_dir = async_dir
        self._secrets = list(secrets)

    def tail(self, step: StepRecord) -> str:
        """Return the last lines of what a step has written; empty if that is not kept."""
        return "\n".join(telling(redacted(self._raw_tail(step), self._secrets).split("\n")))

    def _raw_tail(self, step: StepRecord) -> str:
        try:
            if step.log:
                return _part(self._main_log, *step.log)
            if step.is_future and self._async_dir and step.was_run:
                path = self._async_dir / f"{step.name}.log"
                return _part(path, 0, path.stat().st_size)
        except FileNotFoundError:
            pass
        return ""


def _part(path: Path, start: int, end: int) -> str:
    """Return the last lines between two places of a file, without reading what is before.

    A line that is cut is left out, since half a secret cannot be known as one.
    """
    with path.open("rb") as file:
        first = max(start, end - FAR)
        file.seek(first)
        text = file.read(max(0, end - first)).decode(errors="replace")
    return text if first == start else text.partition("\n")[2]


def without_secrets(run: RunRecord, secrets: Sequence[str]) -> RunRecord:
    """Return the run with stars for secrets in what is said of its steps."""
    known = list(secrets)
    steps = tuple(
        replace(
            step,
            command=cleaned(redacted(step.command, known)),
            error=cleaned(redacted(step.error, known)),
        )
        for step in run.steps
    )
    return replace(run, steps=steps)


def cleaned(text: str) -> str:
    """Return `text` without colours and control characters, long lines cut.

    What is left may stand in XML, too.
    """
    plain = _CONTROL.sub("", _ESCAPE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    lines = plain.strip("\n").split("\n")
    return "\n".join(f"{line[:WIDEST]} ..." if len(line) > WIDEST else line for line in lines)
