"""Kill parts of a run with SIGKILL at moments of its journal, and look at what is left.

Each round is a run of a small plan of Python and bash futures, in which one or two of its processes
are killed. Then nothing of the run may live, no exit code may be missing in its journal, and the
next run must succeed with every line of every log. A seed replays the victims and their events.

If the watchdog and the main process are killed at once, nobody is left who could end the rest at
once: then the next run ends it.
"""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import StackDir
from tests.integration.probes import is_dead, marked, plugin

LINES = 40
"""The lines that each future prints."""

PATIENCE = 5.0
"""Seconds after which processes that still live count as left behind."""

VICTIMS = (
    *(("main",), ("watchdog",), ("session",), ("future",)),
    *(("watchdog", "main"), ("session", "main"), ("future", "main"), ("future", "session")),
)

FUTURES = ("python-a", "python-b", "planned", "script")

PLAN = {
    "extras.d/40-shell.sh": f"""\
        lines() {{
            local number
            for ((number = 0; number < {LINES}; number++)); do echo "$1 line $number"; done
            setsid sleep 600 & sleep 0.1
            kill $!
        }}
        if [[ "$1 $2" == 'stack install' ]]; then
            async_run script lines script
            sh -c "setsid sleep 0.2 & sleep 0.1"
            echo_summary "the script has run"
            async_wait script
        fi
    """,
    "extras.d/50-demo.py": plugin(f"""
        def lines(stack, name):
            daemon = subprocess.Popen(["sleep", "600"], start_new_session=True)
            forked = os.fork()
            if forked == 0:
                os.setsid()
                time.sleep(600)
            for number in range({LINES}):
                print(name, "line", number, flush=True)
            time.sleep(0.1)
            daemon.kill()
            os.kill(forked, signal.SIGKILL)

        @hookimpl
        def stack_install(stack):
            yield async_run("python-a", lines, "python-a")
            yield async_run("planned", shell("lines planned"))
            yield async_run("python-b", lines, "python-b", wait=["python-a"])
            yield run(["sh", "-c", "setsid sleep 0.2 & sleep 0.1"])
            yield async_wait("python-a", "planned", "python-b")
    """),
}


@dataclass(frozen=True)
class Round:
    """What was killed at which event of the run, and how that went; `faults` is empty if well."""

    victims: tuple[str, ...]
    event: int
    seconds: float
    faults: tuple[str, ...]


class Campaign:
    """Rounds in a stack directory; `mark` is in the environment of all processes of its runs."""

    def __init__(self, stack: StackDir, mark: str, seed: int) -> None:
        self._stack = stack
        self._mark = mark
        self._random = random.Random(seed)
        stack.run("stack").ok()
        self._events = len(self._journal_lines())

    def rounds(self, count: int) -> Iterator[Round]:
        """Run `count` rounds."""
        for _ in range(count):
            victims = self._random.choice(VICTIMS)
            yield self._round(victims, self._random.randrange(1, self._events))

    def _round(self, victims: tuple[str, ...], event: int) -> Round:
        process = self._stack.start("stack")
        killed = [one for one in victims if self._kill_at(process, event, one)]
        out, _ = process.communicate(timeout=60)
        seconds = self._seconds_until_all_have_ended()
        faults = [*self._faults_of_the_end(process.returncode, killed, out)]
        if seconds is None and set(killed) != {"watchdog", "main"}:
            faults.append(f"still there: {_described(marked(self._mark))}")
        faults += self._faults_of_the_next_run()
        if self._seconds_until_all_have_ended() is None:
            faults.append(f"still there after the next run: {_described(marked(self._mark))}")
        return Round(tuple(killed), event, seconds or 0, tuple(faults))

    # -- kills -------------------------------------------------------------------------------------

    def _kill_at(self, process: "subprocess.Popen[str]", event: int, victim: str) -> bool:
        """Kill `victim` once the journal has `event` lines; return False if there is none."""
        while process.poll() is None and len(self._journal_lines(process.pid)) < event:
            time.sleep(0.001)
        pids = [process.pid] if victim == "main" else list(self._pids(process.pid, victim))
        if process.poll() is not None or not pids:
            return False
        with suppress(ProcessLookupError):
            os.kill(self._random.choice(sorted(pids)), signal.SIGKILL)
        return True

    def _pids(self, main: int, victim: str) -> Iterator[int]:
        if victim == "future":
            for path in (self._stack.dest / "async").glob("*.ini"):
                pid = path.read_text().partition("\npid = ")[2].partition("\n")[0]
                if pid.isdecimal() and "\nrc = " not in path.read_text():
                    yield int(pid)
            return
        for child in map(int, _read(f"/proc/{main}/task/{main}/children").split()):
            is_session = "session.sh" in _read(f"/proc/{child}/cmdline")
            with suppress(ProcessLookupError):
                if victim == "session" and is_session:
                    yield child
                if victim == "watchdog" and os.getsid(child) == child:
                    yield child

    # -- what is left ------------------------------------------------------------------------------

    def _seconds_until_all_have_ended(self) -> float | None:
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            if not [pid for pid in marked(self._mark) if not is_dead(pid)]:
                return time.monotonic() - began
            time.sleep(0.02)
        return None

    def _faults_of_the_end(self, code: int, killed: list[str], out: str) -> Iterator[str]:
        if "Traceback" in out:
            yield f"traceback:\n{out}"
        if "main" in killed:
            return
        expected = {1} if {"session", "future"} & set(killed) else {0}
        # One that was killed when its work was done changes nothing.
        if code not in expected | {0}:
            yield f"exit code {code}:\n{out}"
        events = [json.loads(line) for line in self._journal_lines()]
        if events[-1]["event"] != "run_end":
            yield "the journal has no end"
        started = {event["name"] for event in events if event["event"] == "future_start"}
        ended = {event["name"] for event in events if event["event"] == "future_end"}
        if started - ended:
            yield f"no exit code of {started - ended}"

    def _faults_of_the_next_run(self) -> Iterator[str]:
        outcome = self._stack.run("stack")
        if outcome.code:
            yield f"the next run ended with {outcome.code}:\n{outcome.out}"
        for name in FUTURES:
            lines = "".join(f"{name} line {number}\n" for number in range(LINES))
            if lines not in outcome.out:
                yield f"lines of {name} are missing"

    def _journal_lines(self, pid: int | None = None) -> list[str]:
        """Return the lines of the last journal; none if it is not that of the process `pid`."""
        journals = sorted((self._stack.dest / "logs" / "runs").glob("*.jsonl"))
        lines = journals[-1].read_text().splitlines() if journals else []
        if pid is None or (lines and json.loads(lines[0]).get("pid") == pid):
            return lines
        return []


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _described(pids: list[int]) -> list[str]:
    return [_read(f"/proc/{pid}/cmdline").replace("\0", " ") for pid in pids]
