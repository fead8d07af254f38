"""Take resources away from a run at one system call after the other, and look at what is left.

In each round, one call of the run, or that and all later ones, fails as it does without space,
processes, memory or descriptors. The command must then end with a clear message, and if it says
that all went well, all must be there. Once the cause is gone, the next run must succeed, and
nothing that was half written may count as made.
"""

import errno
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from tests.campaign.failing_calls import KINDS, Failure, Kind
from tests.campaign.system_calls import Watched
from tests.conftest import DOIT, Outcome, StackDir
from tests.integration.probes import is_dead, marked, plugin

LINES = 5
"""The lines of each file and log."""

PATIENCE = 300.0
"""Seconds after which what still lives is taken as left behind."""

PATIENCE_WITH_A_RUN = 1000.0
"""Seconds after which a run hangs. Bash alone tries for 15 to start a process."""

HANGS = 999

SHELLS_WORDS = "Cannot fork"
"""What sh says, whatever the error."""

MADE = ("data/step", "data/future", "data/script", "data/bash")
"""What the plan makes, below DEST."""

PLAN = {
    "local.conf": "[[local|localrc]]\nVERBOSE=True\n",
    "extras.d/40-shell.sh": f"""\
        made() {{
            local number
            for ((number = 0; number < {LINES}; number++)); do
                echo "line $number" || return
            done >"$1" || return
            echo "$1 is made"
        }}
        if [[ "$1 $2" == 'stack install' ]]; then
            async_run script made "$DEST/data/script"
            sh -c "sleep 0.01"
            async_wait script
        fi
    """,
    "extras.d/50-demo.py": plugin(f"""
        def made(stack, name):
            with open(stack.dest / "data" / name, "w", buffering=1) as file:
                for number in range({LINES}):
                    file.write(f"line {{number}}\\n")
            print(name, "is made")
            return name

        @hookimpl
        def stack_install(stack):
            data = stack.dest / "data"
            yield run(made, "step", targets=[data / "step"], uptodate=[True])
            yield async_run("future", made, "future", targets=[data / "future"], uptodate=[True])
            yield async_run(
                "bash", shell("made $DEST/data/bash"), targets=[data / "bash"], uptodate=[True]
            )
            yield run(["true"], uptodate=[True])
            yield async_wait("future", "bash")
            yield run(lambda stack: print(stack.password("DEMO_PASSWORD") and "done"))
    """),
}

WHOLE = "".join(f"line {number}\n" for number in range(LINES))

COMMANDS = (("stack",), ("-a", "stack"), ("unstack",), ("clean",))


@dataclass(frozen=True)
class Round:
    """What failed at which call of which command; `faults` is empty if that went well."""

    kind: str
    command: str
    call: int
    what: str
    code: int
    out: str
    faults: tuple[str, ...]


class Campaign:
    """Rounds in a stack directory; `mark` is in the environment of all processes of its runs."""

    def __init__(self, stack: StackDir, mark: str) -> None:
        self._stack = stack
        self._mark = mark

    def rounds(
        self,
        kinds: Iterable[str],
        step: int = 1,
        seed: int = 0,
        commands: Iterable[tuple[str, ...]] = COMMANDS,
        skip: int = 0,
    ) -> Iterator[Round]:
        """Let each call of each command fail in turn, or one of `step` calls, drawn by `seed`.

        With 0 for `step`, one call at each site is drawn. The first `skip` are left out.
        """
        draw = random.Random(seed)
        drawn = (
            (name, command, number, site)
            for name in kinds
            for command in commands
            for number, site in self._choose(name, command, step, draw)
        )
        for name, command, number, site in islice(drawn, skip, None):
            yield self.one(name, command, number, site=site)

    def _choose(
        self, name: str, command: tuple[str, ...], step: int, draw: random.Random
    ) -> Iterator[tuple[int, str]]:
        """Yield which calls of a command are to fail: numbers, and at which site or everywhere."""
        counter = Failure(replace(KINDS[name], once=True), self._stack.dest, 0)
        self._run(counter, command)
        if not counter.kind.error:
            yield 1, ""
        elif step:
            for first in range(1, counter.calls + 1, step):
                yield min(counter.calls, first + draw.randrange(step)), ""
        else:
            for site, count in counter.sites.items():
                yield 1 + draw.randrange(count), site

    def one(
        self,
        name: str,
        command: tuple[str, ...],
        number: int,
        *,
        after: bytes = b"",
        site: str = "",
    ) -> Round:
        """Let call `number` of a command fail, at `site`, counted from where it writes `after`."""
        kind = KINDS[name]
        for _ in range(10):
            failure = Failure(kind, self._stack.dest, number, after=after, site=site)
            code, out = self._run(failure, command)
            # Calls that no signal interrupts elsewhere are interrupted while the kernel asks.
            if os.strerror(errno.EINTR) not in out:
                break
        faults = [*self._faults_of_the_end(kind, command, code, out), *self._left()]
        following = self._stack.run("clean" if command == ("clean",) else "stack")
        faults += [f"the next time: {one}" for one in self._faults_after(command, following)]
        return Round(name, " ".join(command), number, failure.what, code, out, tuple(faults))

    def _run(self, failure: Failure, command: tuple[str, ...]) -> tuple[int, str]:
        """Run `command`; return its exit code and its output."""
        if command == ("stack",):
            shutil.rmtree(self._stack.dest, ignore_errors=True)
        elif not (self._stack.dest / "logs").exists():
            self._stack.run("stack").ok()
        watched = Watched(
            [DOIT, *command],
            failure.kind.calls,
            failure,
            cwd=self._stack.path,
            env=self._stack.environ,
        )
        try:
            out = watched.communicate(PATIENCE_WITH_A_RUN)
        except subprocess.TimeoutExpired:
            os.killpg(watched.process.pid, signal.SIGKILL)
            return HANGS, watched.process.communicate()[0] or ""
        return watched.process.returncode, out

    # -- what is right -----------------------------------------------------------------------------

    def _faults_of_the_end(
        self, kind: Kind, command: tuple[str, ...], code: int, out: str
    ) -> Iterator[str]:
        if "Traceback" in out or "Error in sys.excepthook" in out:
            yield "traceback"
        if code == HANGS:
            yield "hangs"
        elif code not in {0, 1, 2, 3}:
            yield f"exit code {code}"
        if code and not kind.error:
            yield "fails although nothing is missing"
        if code and kind.says not in out and SHELLS_WORDS not in out:
            yield "does not say why:\n" + "\n".join(out.splitlines()[-8:])
        if not code and command[-1] == "stack":
            yield from self._not_whole()
        if not code and command == ("clean",) and self._stack.dest.exists():
            yield "clean ended with 0, and DEST is still there"

    def _not_whole(self) -> Iterator[str]:
        for name in MADE:
            path = self._stack.dest / name
            if not path.is_file() or path.read_text() != WHOLE:
                yield f"{name} is not whole"

    def _faults_after(self, command: tuple[str, ...], after: Outcome) -> Iterator[str]:
        if after.code or "Traceback" in after.out:
            yield f"ended with {after.code}:\n{after.out}"
        yield from self._left()
        if command == ("clean",):
            if self._stack.dest.exists():
                yield f"left by clean: {sorted(os.listdir(self._stack.dest))}"
            return
        yield from self._not_whole()
        if "WARNING" in after.out:
            yield f"warns:\n{after.out}"

    def _left(self) -> Iterator[str]:
        began = time.monotonic()
        while left := [pid for pid in marked(self._mark) if not is_dead(pid)]:
            if time.monotonic() - began > PATIENCE:
                yield f"still there: {[_described(pid) for pid in left]}"
                return
            time.sleep(0.02)


def _described(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return str(pid)
