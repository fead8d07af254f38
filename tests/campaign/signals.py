"""Send storms of signals to a run in a terminal at moments of its journal, and look at the end.

A round is a run of the plan of `kills`, on a terminal or with SIGINT and SIGHUP ignored, as `nohup`
has it. At random events of its journal come INT, TERM, HUP, WINCH, TSTP and CONT, singly or several
at once, to the main process or to its group. Then the exit code must be that of a signal that was
sent and not ignored, or 0 without one; nothing of the run may live; the terminal must be as before;
and the next run must succeed with every line of every log.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from tests.campaign import kills
from tests.conftest import DOIT
from tests.terminal import Screen

PATIENCE_WITH_A_RUN = 250.0
"""Seconds after which a run hangs."""

STOPPED = 1.0
"""Seconds after which a run goes on that a signal has stopped."""

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STORM = (*ENDING, signal.SIGWINCH, signal.SIGWINCH, signal.SIGTSTP, signal.SIGCONT)

LAUNCHER = f"""\
import os, signal, sys
for number in (signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN if sys.argv[1] == "ignoring" else signal.SIG_DFL)
pid = os.fork()
if pid == 0:
    os.setpgid(0, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv({DOIT!r}, [{DOIT!r}, "stack"])
os.write(int(sys.argv[2]), b"%d\\n" % pid)
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTTOU):
    signal.signal(number, signal.SIG_IGN)
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
os.write(int(sys.argv[2]), b"%d\\n" % code)
"""
"""A shell with job control, as far as a run needs one: a foreground job that can be stopped."""


class Sent(NamedTuple):
    """A signal, after how many events of the journal, and when that was in the run."""

    name: str
    event: int
    when: str


@dataclass(frozen=True)
class Round:
    """Which signals were sent, the exit code, and what was wrong."""

    sent: tuple["Sent", ...]
    is_ignoring: bool
    code: int | None
    seconds: float
    faults: tuple[str, ...]


class Campaign(kills.Campaign):
    """Rounds in a stack directory; `mark` is in the environment of all processes of its runs."""

    def __init__(self, stack: kills.StackDir, mark: str, seed: int) -> None:
        super().__init__(stack, mark, seed)
        self._steps = sum('"step_end"' in line for line in self._journal_lines())

    def storms(self, count: int) -> Iterator[Round]:
        """Run `count` rounds."""
        for _ in range(count):
            yield self._storm(is_ignoring=self._random.random() < 0.25)

    def _storm(self, *, is_ignoring: bool) -> Round:
        job = _Job(self._stack, is_ignoring=is_ignoring)
        before = termios.tcgetattr(job.slave)
        sent: list[Sent] = []
        for event in sorted(
            self._random.choices(range(self._events), k=self._random.randint(1, 4))
        ):
            if not self._reaches(job, event):
                break
            sent += [self._send(job) for _ in range(self._random.choice([1, 1, 1, 3]))]
        code = job.end()
        seconds = self._seconds_until_all_have_ended()
        faults = [*self._faults_of_the_storm(job, sent, code)]
        if seconds is None:
            faults.append("still there after the end")
        if termios.tcgetattr(job.slave) != before:
            faults.append("the terminal has other attributes than before")
        faults += job.faults_of_the_screen()
        job.close()
        faults += self._faults_of_the_next_run()
        return Round(tuple(sent), is_ignoring, code, seconds or 0, tuple(faults))

    def _reaches(self, job: "_Job", event: int) -> bool:
        began = time.monotonic()
        while job.is_running and len(self._journal_lines(job.pid)) < event:
            time.sleep(0.005)
            if time.monotonic() - began > STOPPED:
                job.go_on()
        return job.is_running

    def _send(self, job: "_Job") -> Sent:
        lines = self._journal_lines(job.pid)
        number = self._random.choice(STORM)
        to_group = number != signal.SIGHUP and self._random.random() < 0.5
        if number == signal.SIGWINCH:
            job.resize(self._random.randint(20, 120), self._random.randint(2, 50))
        with suppress(ProcessLookupError):
            (os.killpg if to_group else os.kill)(job.pid, number)
        return Sent(number.name, len(lines), self._when(lines))

    def _when(self, lines: Sequence[str]) -> str:
        """Return whether a run with this journal is before its steps, within, or after them."""
        ended = sum('"step_end"' in line for line in lines)
        if ended >= self._steps:
            return "after"
        return "within" if lines else "before"

    def _faults_of_the_storm(
        self, job: "_Job", sent: Sequence[Sent], code: int | None
    ) -> Iterator[str]:
        if "Traceback" in job.out:
            yield f"traceback:\n{job.out}"
        ignored = {signal.SIGINT.name, signal.SIGHUP.name} if job.is_ignoring else set()
        ends = [one for one in sent if one.name in {n.name for n in ENDING} - ignored]
        codes = {128 + signal.Signals[one.name] for one in ends}
        # Before the run has its handlers, and after it has put them back, there are none.
        codes |= {-signal.Signals[one.name] for one in ends if one.when != "within"}
        if all(one.when == "after" for one in ends):
            codes |= {0}
        if code not in codes:
            yield f"exit code {code}:\n{job.out}"
        if code is not None and code >= 0:
            yield from self._faults_of_the_end(0, [], "")


class _Job:
    """`doit stack` in the foreground of a terminal."""

    def __init__(self, stack: kills.StackDir, *, is_ignoring: bool) -> None:
        self.is_ignoring = is_ignoring
        self.master, self.slave = pty.openpty()
        self._screen = Screen()
        self._size = (80, 24)
        self._received: list[bytes] = []
        self._codes, theirs = os.pipe()
        how = "ignoring" if is_ignoring else "caring"
        self._launcher = subprocess.Popen(
            ["setsid", "--ctty", sys.executable, "-c", LAUNCHER, how, str(theirs)],
            cwd=stack.path,
            env={**stack.environ, "TERM": "xterm"},
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            pass_fds=[theirs],
        )
        os.close(theirs)
        self._thread = threading.Thread(target=self._take_output, daemon=True)
        self._thread.start()
        self.pid = int(self._line())

    def _line(self) -> str:
        line = b""
        while not line.endswith(b"\n") and (byte := os.read(self._codes, 1)):
            line += byte
        return line.decode()

    def _take_output(self) -> None:
        while self._launcher.poll() is None or select.select([self.master], [], [], 0)[0]:
            if select.select([self.master], [], [], 0.05)[0]:
                self._received.append(os.read(self.master, 1 << 16))

    @property
    def is_running(self) -> bool:
        """Whether the launcher has not said how it ended."""
        return not select.select([self._codes], [], [], 0)[0]

    @property
    def out(self) -> str:
        """What the terminal has got."""
        return b"".join(self._received).decode(errors="replace")

    def resize(self, columns: int, lines: int) -> None:
        """Make the terminal larger or smaller."""
        self._size = (columns, lines)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def go_on(self) -> None:
        """Let it go on if it is stopped."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGCONT)

    def end(self) -> int | None:
        """Let it go on if it is stopped; return its exit code, None if it hangs."""
        deadline = time.monotonic() + PATIENCE_WITH_A_RUN
        while self.is_running and time.monotonic() < deadline:
            self.go_on()
            select.select([self._codes], [], [], 0.1)
        if self.is_running:
            os.killpg(self.pid, signal.SIGKILL)
            return None
        code = int(self._line())
        self._launcher.wait()
        self._thread.join()
        return code

    def faults_of_the_screen(self) -> Iterator[str]:
        """Yield what a person would see that should not be there."""
        self._screen.resize(*self._size)
        self._screen.feed(b"".join(self._received))
        if not self._screen.is_cursor_visible:
            yield "the cursor is invisible"

    def close(self) -> None:
        """Close the terminal."""
        for descriptor in (self.master, self.slave, self._codes):
            os.close(descriptor)
