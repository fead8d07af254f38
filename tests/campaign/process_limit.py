"""Run as a user who may have only a few processes (`ulimit -u`), and look at what is left.

The limit of a user does not hold for root, so the run has another user id, which nobody has. It
keeps the right to read, as the checkout and Python may be in root's home.
"""

import os
import subprocess
import time
from collections.abc import Iterable, Iterator

from tests.campaign.resources import HANGS, MADE, WHOLE, Round
from tests.conftest import DOIT, StackDir

USER = 61_007
PATIENCE = 180.0
"""Seconds after which a command hangs. Bash tries for 15 to start a process, in each step."""

LAST = 10.0
"""Seconds in which the last processes of a command may end, as what watches it does."""

REASONS = ("Resource temporarily unavailable", "Cannot fork", "cannot fork")
"""What the kernel and shells say."""

_CAPABILITIES = "-all,+dac_read_search"


def is_possible() -> bool:
    """Return whether this process may change its user."""
    return os.geteuid() == 0


class Campaign:
    """Rounds in a stack directory, which is given to the other user."""

    def __init__(self, stack: StackDir) -> None:
        self._stack = stack
        stack.environ |= {"HOME": str(stack.path)}
        for path in (stack.path, *stack.path.rglob("*")):
            os.chown(path, USER, USER)

    def rounds(self, limits: Iterable[int]) -> Iterator[Round]:
        """Stack and unstack with each limit."""
        for limit in limits:
            self._run("clean")
            yield self._round("stack", limit)
            yield self._round("unstack", limit)

    def _round(self, command: str, limit: int) -> Round:
        code, out = self._run(command, limit)
        faults = [*self._faults(code, out)]
        if left := self._left():
            faults.append(f"still there: {left}")
        following, text = self._run("stack")
        wrong = [name for name in MADE if not self._is_whole(name)]
        if following or wrong or "WARNING" in text:
            faults.append(f"the next run ended with {following}, without {wrong}:\n{text}")
        return Round("process-limit", command, limit, f"{limit} processes", code, out, (*faults,))

    def _run(self, command: str, limit: int | None = None) -> tuple[int, str]:
        words = [
            *("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"),
            *(f"--inh-caps={_CAPABILITIES}", f"--ambient-caps={_CAPABILITIES}"),
            *(["prlimit", f"--nproc={limit}"] if limit else []),
        ]
        try:
            done = subprocess.run(
                [*words, DOIT, command],
                cwd=self._stack.path,
                env=self._stack.environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            return HANGS, str(error.stdout)
        return done.returncode, done.stdout

    def _faults(self, code: int, out: str) -> Iterator[str]:
        if "Traceback" in out:
            yield "traceback"
        if code not in {0, 1, 2, 3}:
            yield f"exit code {code}"
        if code and not any(reason in out for reason in REASONS):
            yield f"does not say why:\n{out}"

    def _is_whole(self, name: str) -> bool:
        path = self._stack.dest / name
        return path.is_file() and path.read_text() == WHOLE

    def _left(self) -> str:
        """Return the processes that do not end by themselves after the command."""
        began = time.monotonic()
        while (left := self._processes()) and time.monotonic() - began < LAST:
            time.sleep(0.05)
        return left

    def _processes(self) -> str:
        found = subprocess.run(
            ["ps", "-o", "args=", "-u", str(USER)], capture_output=True, text=True, check=False
        )
        return found.stdout
