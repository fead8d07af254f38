"""What came of a run: the last phase that passed, and the error that followed."""

import re
from typing import NamedTuple

PHASES = (
    *("override_defaults", "source", "stack pre-install", "stack install", "stack post-config"),
    *("stack extra", "stack test-config", "unstack", "clean"),
)

_DOIT_FAILURE = re.compile(r"FAILED(?: after [^:]+)?: ([a-z_-]+(?: [a-z-]+)?): (.*)")
_NOISE = re.compile(r"@passed|@failed|\s*$|\++ |Error on exit")


class Outcome(NamedTuple):
    """How far a run came: the number of phases that passed, and why it went no further."""

    passed: int
    error: str = ""

    @property
    def last_phase(self) -> str:
        """The last phase that passed; `all` if none is left."""
        if self.passed == len(PHASES):
            return "all"
        return PHASES[self.passed - 1].removeprefix("stack ") if self.passed else "none"


def of_devstack(log: str) -> Outcome:
    """Return the outcome of a run of DevStack."""
    lines = log.splitlines()
    passed = [line for line in lines if line.startswith("@passed ")]
    if len(passed) == len(PHASES):
        return Outcome(len(passed))
    return Outcome(len(passed), _devstack_error(lines))


def _devstack_error(lines: list[str]) -> str:
    """Return where the last command failed, and the last line of output before that."""
    failed = [number for number, line in enumerate(lines) if line.startswith("@failed ")]
    # The same command fails once more in each caller.
    end = failed[-1] if failed else len(lines)
    while end - 1 in failed:
        end -= 1
    errors = [line for line in lines[-20:] if line.startswith("[ERROR] ")]
    if errors:
        return errors[0]
    said = next((line for line in reversed(lines[:end]) if not _NOISE.match(line)), "")
    place = lines[end].removeprefix("@failed ") if failed else "the script ended"
    return f"{place}: {said}" if said else place


def of_doitstack(log: str) -> Outcome:
    """Return the outcome of a run of doitstack."""
    if "@passed clean" in log:
        return Outcome(len(PHASES))
    failures = _DOIT_FAILURE.findall(log)
    if failures:
        phase, error = failures[0]
        return Outcome(PHASES.index(phase), error)
    ended = [PHASES.index(task) + 1 for task in ("unstack",) if f"@passed {task}" in log]
    ended += [PHASES.index("stack test-config") + 1] if "@passed stack" in log else []
    said = [line for line in log.splitlines() if not _NOISE.match(line)]
    return Outcome(max(ended, default=0), said[-1] if said else "no output")


def verdict(devstack: Outcome, doitstack: Outcome) -> str:
    """Return which of the two came further."""
    if devstack.passed == doitstack.passed:
        return "same"
    return "ours worse" if devstack.passed > doitstack.passed else "ours better"
