"""Helpers of the tests of the shell's contract: drop-ins for one phase, and their output."""

import re
from textwrap import dedent, indent

from tests.conftest import Outcome

_ABOUT = re.compile(r"==> |<== |doit \w+: done in ")
"""Lines about steps and the run."""


def in_phase(phase: str, body: str) -> str:
    """Return a drop-in that runs `body` when it is called with `phase`."""
    inside = indent(dedent(body).strip("\n"), "    ", lambda line: not line.startswith("END"))
    return f'if [[ "$1${{2:+ $2}}" == "{phase}" ]]; then\n{inside}\nfi\n'


def install(body: str) -> str:
    """Return a drop-in that runs `body` in `stack install`."""
    return in_phase("stack install", body)


def said(outcome: Outcome) -> list[str]:
    """Return what scripts printed, up to the timing tables and without lines about steps."""
    told, _, _ = outcome.out.partition("\nDevStack Component Timing")
    return [line for line in told.splitlines() if not _ABOUT.match(line)]


def error_of(outcome: Outcome) -> str:
    """Return the one error of a run: that of the step, without its phase and plugin."""
    errors = [line for line in outcome.lines if line.startswith("ERROR: ")]
    assert errors, outcome.out
    assert len(set(errors)) == 1, errors
    return errors[0].partition(".sh: ")[2] or errors[0]
