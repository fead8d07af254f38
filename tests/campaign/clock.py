"""Set the clock during runs, and look at the times that they report.

A library that all programs of a run load adds seconds to the time of day: `date`, Python and bash
see a clock that jumps forwards or backwards at events of the journal. Whatever it says, the run
must succeed, no duration may be negative or longer than the run, and it must be the last run.
"""

import json
import re
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.campaign import kills

SOURCE = Path(__file__).with_name("clock_shift.c")

JUMPS = (3600, -3600, 86400 * 400, -86400 * 400, 5, -5)
"""Seconds."""

TOLERANCE = 0.1
"""Seconds by which times of different processes may differ."""


def is_possible() -> bool:
    """Return whether there is a compiler."""
    return shutil.which("cc") is not None


@dataclass(frozen=True)
class Round:
    """The jumps (s), each after so many events of the journal, and what was wrong."""

    jumps: tuple[tuple[int, int], ...]
    faults: tuple[str, ...]


class Campaign(kills.Campaign):
    """Rounds in a stack directory; `mark` is in the environment of all processes of its runs."""

    def __init__(self, stack: kills.StackDir, mark: str, seed: int) -> None:
        library = stack.path / "clock_shift.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
        self._shift = stack.path / "shift"
        self._set(0)
        stack.environ |= {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(self._shift)}
        super().__init__(stack, mark, seed)

    def jumps(self, count: int) -> Iterator[Round]:
        """Run `count` rounds, each with one jump or two."""
        for _ in range(count):
            yield self._jump()

    def _set(self, seconds: int) -> None:
        # In place, since the programs have mapped it.
        with self._shift.open("r+b" if self._shift.exists() else "wb") as file:
            file.write(struct.pack("q", seconds))

    def _jump(self) -> Round:
        self._journals = self._journal_names()
        events = sorted(self._random.sample(range(self._events), self._random.choice([1, 1, 2])))
        jumps = [(event, self._random.choice(JUMPS)) for event in events]
        began = time.monotonic()
        process = self._stack.start("stack")
        for event, seconds in jumps:
            self._wait_for(process, kills.Moment(event, 0.0))
            self._set(seconds)
        faults, out = self._end_of(process, is_killed=False)
        elapsed = time.monotonic() - began
        if process.returncode:
            faults.append(f"exit code {process.returncode}:\n{out}")
        faults += self._faults_of_the_end(process.returncode, [], out)
        faults += self._faults_of_times(elapsed)
        faults += _faults_of_output(out, elapsed)
        faults += self._faults_of_the_next_run()
        self._set(0)
        return Round(tuple(jumps), tuple(faults))

    def _faults_of_times(self, elapsed: float) -> Iterator[str]:
        """Yield what reports say that cannot be: `elapsed` (s) is longer than the run."""
        (name,) = self._journal_names() - self._journals
        if name != max(self._journal_names()):
            yield "the run is not the last one"
        times = [json.loads(line)["time"] for line in self._journal_lines()]
        if max(times) - min(times) > elapsed + TOLERANCE:
            yield f"the journal has {max(times) - min(times)} s of {elapsed}"
        for command in (["timing", "--json"], ["futures", "--json"]):
            outcome = self._stack.run(*command)
            if outcome.code:
                yield f"{command}: exit code {outcome.code}:\n{outcome.out}"
                continue
            for what, seconds in _durations(json.loads(outcome.out)):
                if not -TOLERANCE <= seconds <= elapsed + TOLERANCE:
                    yield f"{' '.join(command)}: {what} is {seconds} s of {elapsed}"


def _faults_of_output(out: str, elapsed: float) -> Iterator[str]:
    """Yield the lines that show a duration, or a row of a table, that cannot be."""
    for line in out.splitlines():
        found = re.findall(r"[ (](-?\d+(?:\.\d+)?)(?: s\b| seconds|$)", line)
        if any(not 0 <= float(one) <= elapsed + 1 for one in found) and " line " not in line:
            yield f"shown after {elapsed} s: {line}"


def _durations(found: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield all durations in a report with the names of their fields."""
    if isinstance(found, dict):
        for key, value in found.items():
            yield from _durations(value, f"{name}.{key}")
    elif isinstance(found, list):
        for value in found:
            yield from _durations(value, name)
    elif isinstance(found, (int, float)) and "seconds" in name:
        yield name, float(found)
