"""Helpers of the tests of the shell's contract: drop-ins for one phase, and their output."""

import re
from textwrap import dedent, indent

from tests.conftest import MakeStackDir, Outcome, StackDir

FIRST = "extras.d/20-first.sh"
SECOND = "extras.d/30-second.sh"

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


class Run:
    """Runs scripts by the bodies that they have in `stack install`."""

    def __init__(self, make: MakeStackDir) -> None:
        self._make = make

    def stack(self, *bodies: str, **files: str) -> StackDir:
        names = (FIRST, SECOND)
        scripts = {name: install(body) for name, body in zip(names, bodies, strict=False)}
        return self._make({**scripts, **files})

    def says(self, *bodies: str) -> list[str]:
        """Return what the scripts print."""
        return said(self.stack(*bodies).run("stack").ok())

    def fails(self, *bodies: str) -> Outcome:
        """Return the outcome of scripts of which the first one fails."""
        outcome = self.stack(*bodies, **{"extras.d/40-last.sh": "echo last $*\n"}).run("stack")
        outcome.failed(1)
        assert "last stack install" not in outcome.lines
        assert "Total runtime" in outcome.out, "the run ends as any other"
        assert "Traceback" not in outcome.out
        assert "pop_var_context" not in outcome.out
        assert "_doitstack_" not in outcome.out
        return outcome
