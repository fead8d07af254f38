"""Kill parts of a run with SIGKILL at moments of its journal, and look at what is left.

Each round is a run of a small plan, or its `unstack` or `clean` in a quarter of them. In it one or
two of its processes or those of its services are killed. Then nothing of the run may live but the
services, no exit code may be missing in its journal and no line of a log, and the next run must
succeed with every line of every log and each service once. A seed replays the victims and their
moments.
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

from tests.campaign.kill_plans import LINES, PLANS, Plan, futures_plan
from tests.campaign.kill_victims import SERVER, Victims, described, read, service_processes
from tests.conftest import StackDir
from tests.integration.probes import is_dead, marked

__all__ = ["LINES", "PLAN", "PLANS", "Campaign", "Plan", "StackDir"]

PLAN = futures_plan().files

PATIENCE = 60.0
"""Seconds after which processes that still live count as left behind."""

_SERVERLESS = "WARNING: no server for {},"

HANG = 250.0
"""Seconds after which a run that has not ended hangs."""


@dataclass(frozen=True)
class Moment:
    """A moment of a run: the journal's line, 0 before it, and seconds after it."""

    event: int
    seconds: float


@dataclass(frozen=True)
class Round:
    """What was killed at which moment of a command, and how that went; `faults` is empty if well.

    `seconds` is how long processes of the run lived after it had ended.
    """

    command: str
    victims: tuple[str, ...]
    moment: Moment
    seconds: float
    faults: tuple[str, ...]


class Campaign:
    """Rounds in a stack directory; `mark` is in the environment of all processes of its runs."""

    def __init__(self, stack: StackDir, mark: str, seed: int, plan: Plan | None = None) -> None:
        self._stack = stack
        self._mark = mark
        self._seed = seed
        self._random = random.Random(seed)
        self._plan = plan or futures_plan()
        self._journals: set[str] = set()
        self._plan.prepare(stack)
        # The first run installs what later ones find.
        for _ in range(2 if self._plan.services else 1):
            stack.run("stack", timeout=900).ok()
        self._events = len(self._journal_lines())

    def rounds(self, count: int) -> Iterator[Round]:
        """Run `count` rounds; each kind of victims comes equally often."""
        kinds: list[tuple[str, ...]] = []
        order = random.Random(self._seed)
        for number in range(count):
            kinds = kinds or order.sample(self._plan.victims, len(self._plan.victims))
            # What a round draws does not depend on how those before went.
            self._random = random.Random(f"{self._seed} {number}")
            yield self._round(kinds.pop())

    def _round(self, victims: tuple[str, ...]) -> Round:
        command = self._random.choice(("stack",) * 6 + self._plan.teardown)
        moment = self._moment(command, victims)
        gap = self._random.choice([0.0, 0.0, self._random.uniform(0, 0.05)])
        self._random.shuffle(order := [*victims])
        if self._plan.services and self._random.random() < 0.3:
            self._kill_services()  # so that the run starts them
        self._journals = self._journal_names()
        process = self._stack.start(command)
        killed = self._kill(process, order, moment, gap)
        faults, out = self._end_of(process, "main" in killed)
        began = time.monotonic()
        seconds = self._seconds_until_all_have_ended(began)
        if command != "clean" or process.returncode:  # it removes its journal
            faults += self._faults_of_the_end(process.returncode, killed, out)
        if seconds is None:
            faults.append(f"still there: {described(self._left())}")
        if not process.returncode and "server" not in killed:
            faults += self._faults_of_success(command, out)
        faults += self._faults_of_the_next_run()
        if self._seconds_until_all_have_ended(time.monotonic()) is None:
            faults.append(f"still there after the next run: {described(self._left())}")
        return Round(command, tuple(killed), moment, seconds or 0, tuple(faults))

    def _moment(self, command: str, victims: tuple[str, ...]) -> Moment:
        """Draw a moment: at an event, soon after it or a while after it."""
        # In the last third of a run no future is left.
        last = self._events * 2 // 3 if {"future", "build"} & {*victims} else self._events
        if command != "stack":
            last //= 3  # it has fewer events
        longest = self._random.choice([0.0, 0.005, 0.1])
        return Moment(self._random.randrange(last), self._random.uniform(0, longest))

    # -- kills -------------------------------------------------------------------------------------

    def _kill(
        self, process: "subprocess.Popen[str]", order: list[str], moment: Moment, gap: float
    ) -> list[str]:
        """Kill at `moment`, or as soon as each victim exists; return what was killed."""
        self._wait_for(process, moment)
        victims = Victims(self._stack, self._mark, process.pid)
        killed = []
        for place, victim in enumerate(order):
            time.sleep(gap if place else 0)
            while process.poll() is None and not victims.find(victim):
                time.sleep(0.002)
            pids = victims.find(victim) if process.poll() is None or killed else []
            with suppress(ProcessLookupError, IndexError):
                os.kill(self._random.choice(pids), signal.SIGKILL)
                killed.append(victim)
        return killed

    def _wait_for(self, process: "subprocess.Popen[str]", moment: Moment) -> None:
        path = None
        while process.poll() is None:
            if path is None and (new := self._journal_names() - self._journals):
                path = str(self._directory() / new.pop())
            if (read(path).count("\n") if path else 0) >= moment.event:
                break
            time.sleep(0.001)
        time.sleep(moment.seconds)

    def _kill_services(self) -> None:
        while pids := [one.pid for one in service_processes(self._stack)]:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    # -- what is left ------------------------------------------------------------------------------

    def _end_of(self, process: "subprocess.Popen[str]", is_killed: bool) -> tuple[list[str], str]:
        """Return the faults of how the run ended, and its output."""
        try:
            # What a killed run has left may hold its output open.
            return [], process.communicate(timeout=PATIENCE if is_killed else HANG)[0]
        except subprocess.TimeoutExpired:
            pass
        faults = [f"does not end: {described(self._left())}"]
        for pid in self._left():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return faults, process.communicate()[0]

    def _left(self) -> list[int]:
        """Return the processes of the runs, and those of calls of the fork server."""
        ours = service_processes(self._stack) if self._plan.services else []
        servers = {one.pid for one in ours if one.service.startswith(SERVER)}
        calls = [one.pid for one in ours if one.parent in servers]
        return [*(pid for pid in marked(self._mark) if not is_dead(pid)), *calls]

    def _seconds_until_all_have_ended(self, began: float | None = None) -> float | None:
        began = began or time.monotonic()
        while time.monotonic() - began < PATIENCE:
            if not self._left():
                return time.monotonic() - began
            time.sleep(0.02)
        return None

    def _faults_of_the_end(self, code: int, killed: list[str], out: str) -> Iterator[str]:
        if "Traceback" in out:
            yield f"traceback:\n{out}"
        if "main" in killed:
            return
        # One that was killed when its work was done changes nothing.
        if code not in ({0} if set(killed) <= {"watchdog"} else {0, 1}):
            yield f"exit code {code}:\n{out}"
        events = [json.loads(line) for line in self._journal_lines()]
        if events[-1]["event"] != "run_end":
            yield "the journal has no end"
        started = {event["name"] for event in events if event["event"] == "future_start"}
        ended = {event["name"] for event in events if event["event"] == "future_end"}
        if started - ended:
            yield f"no exit code of {started - ended}"
        for name in started & self._plan.futures.keys():
            if out and (lost := set(_lines(name, self._stack.log(name))) - set(_lines(name, out))):
                yield f"{len(lost)} lines of {name} are in its log only"

    def _faults_of_the_next_run(self) -> Iterator[str]:
        outcome = self._stack.run("stack", timeout=900)
        if outcome.code:
            yield f"the next run ended with {outcome.code}:\n{outcome.out}"
        for name, count in self._plan.futures.items():
            wanted = [f"{name} line {number}" for number in range(count)]
            lines = _lines(name, outcome.out)
            is_unordered = name in self._plan.unordered
            is_whole = is_unordered or "\n".join(wanted) in outcome.out
            if (sorted(lines) if is_unordered else lines) != wanted or not is_whole:
                yield f"lines of {name} are missing or apart:\n{outcome.out}"
        yield from self._faults_of_services()

    def _faults_of_success(self, command: str, out: str) -> Iterator[str]:
        """Yield the services that a run has not brought up or ended though it was well."""
        names = {one.service for one in service_processes(self._stack)}
        if command != "stack":
            yield from [f"success of {command} with {names}"] if names else []
            return
        missing = {*self._plan.services} - names
        # Programs run without their fork servers, too.
        if missing := {one for one in missing if _SERVERLESS.format(one[len(SERVER) :]) not in out}:
            yield f"success without {missing}:\n{out}"

    def _faults_of_services(self) -> Iterator[str]:
        """Yield what is wrong with the services, each of which must run once, under supervisord."""
        if not self._plan.services:
            return
        ours = service_processes(self._stack)
        pids = {one.pid: one.service for one in ours}
        first = [one for one in ours if pids.get(one.parent) != one.service]
        names = [one.service for one in first]
        # Other fork servers come and go with their use.
        more = {name for name in names if name.startswith(SERVER)}
        if len(names) > len(set(names)) or {*names} | more != {"", *self._plan.services} | more:
            yield f"services: {ours}"
        elif any(one.service and pids.get(one.parent) != "" for one in first):
            yield f"not under supervisord: {ours}"

    def _directory(self) -> Path:
        return self._stack.dest / "logs" / "runs"

    def _journal_names(self) -> set[str]:
        with suppress(FileNotFoundError):
            return {name for name in os.listdir(self._directory()) if name.endswith(".jsonl")}
        return set()

    def _journal_lines(self, pid: int | None = None) -> list[str]:
        """Return the lines of the last journal; none if it is not that of the process `pid`."""
        names = sorted(self._journal_names())
        lines = read(str(self._directory() / names[-1])).splitlines() if names else []
        if pid is None or (lines and json.loads(lines[0]).get("pid") == pid):
            return lines
        return []


def _lines(name: str, text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(f"{name} line ")]
