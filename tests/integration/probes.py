"""What the tests of whole runs share: plugins as text, and eyes for processes and logs."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

from tests.conftest import Outcome

PATIENCE = 250.0
"""Seconds until what is waited for must have come, however busy the machine is."""

PRELUDE = '''\
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from doitstack import Stack, async_run, async_wait, hookimpl, run
from doitstack import shell
from doitstack.errors import CommandError, DoitstackError, FutureError


def until(is_so, what="what was waited for"):
    deadline = time.monotonic() + 250
    while not is_so():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.01)


def stack_log(stack):
    return (stack.log_dir / "stack.log").read_text()


def until_logged(stack, text, times=1):
    """Wait until the main line's log has `text`."""
    until(lambda: stack_log(stack).count(text) >= times, text)


def opened(gate):
    """Let a reader of the FIFO `gate` continue."""
    Path(gate).write_text("go\\n")


def passing(gate):
    """Wait at the FIFO `gate`."""
    Path(gate).read_text()


'''


def plugin(text: str) -> str:
    """Return the source of a Python drop-in."""
    return PRELUDE + dedent(text)


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait for something outside of this process."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.01)


def marked(mark: str) -> list[int]:
    """Return the living processes that were started with TEST_MARK=`mark`."""
    wanted = f"TEST_MARK={mark}".encode()
    return [
        int(name)
        for name in os.listdir("/proc")
        if name.isdecimal() and wanted in _environment(name) and not is_dead(int(name))
    ]


def _environment(pid: str) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def is_dead(pid: int) -> bool:
    """Return whether a process has ended, collected by its parent or not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] in "ZX"


def masked(text: str) -> str:
    """Return a transcript without what differs from run to run: pids and seconds."""
    text = re.sub(r"(\[Async [\w.-]+):\d+\]", r"\1:PID]", text)
    return re.sub(r"in \d+ seconds", "in N seconds", text)


def transcript(outcome: Outcome) -> list[str]:
    """Return the lines of the main line before the timing tables, without those around steps."""
    told, _, _ = outcome.out.partition("\nDevStack Component Timing")
    return [line for line in masked(told).splitlines() if not line.startswith(("==> ", "<== "))]
