"""What a stack takes, serial and parallel, fresh and again, beside what it could take at best.

Each run has a stack directory, a DEST and a port of its own, which are gone afterwards. Packages
come from uv's cache as far as it has them: let one round go by before you believe the figures.
"""

import argparse
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from harness import DOIT, BenchError, make_stack_directory, progress, run_command, table

CHECKOUT = Path(__file__).parent.parent
MODES = {"serial": "False", "parallel": "True"}


@dataclass(frozen=True)
class Run:
    """One `doit stack`: how it was asked for, and what `doit timing --json` says of it."""

    mode: str
    state: str
    whole: float
    figures: dict[str, Any]


def runs(mode: str, services: str) -> Iterator[Run]:
    """Stack twice in a new directory, then clean it. Raises BenchError if anything is left."""
    environ = {"DEVSTACK_PARALLEL": MODES[mode], "KEYSTONE_SERVICE_PORT": str(free_port())}
    if services:
        environ["ENABLED_SERVICES"] = services
    with tempfile.TemporaryDirectory(prefix="doitstack-bench-") as place:
        extras = sorted((CHECKOUT / "extras.d").glob("[0-9][0-9]-*"))
        directory = make_stack_directory(
            Path(place) / "stack", {f"extras.d/{e.name}": e.read_text() for e in extras}
        )
        try:
            for state in ("fresh", "again"):
                progress(f"{mode}, {state}")
                began = time.monotonic()
                run_command([DOIT, "stack"], directory, **environ)
                whole = time.monotonic() - began
                said = run_command([DOIT, "timing", "--json"], directory, **environ)
                yield Run(mode, state, whole, json.loads(said))
        finally:
            try:
                run_command([DOIT, "clean"], directory, **environ)
            finally:
                end_leftovers(place)


def free_port() -> int:
    """Return a port that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def end_leftovers(place: str) -> None:
    """Kill what still runs of the stack in `place`; raises BenchError if there was anything."""
    left = dict(processes_of(place))
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if left:
        raise BenchError(f"processes were left by `doit clean`: {left}")


def processes_of(place: str) -> Iterator[tuple[int, str]]:
    """Yield the processes that run below `place`, with their command lines."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            where = str((entry / "cwd").readlink())
        except OSError:
            continue
        if place in words or where.startswith(place):
            yield int(entry.name), words


def rows(measured: list[Run]) -> Iterator[dict[str, object]]:
    """Yield a row for each kind of run, with the medians of its rounds."""
    serial = {run.state: middle(measured, "serial", run.state, "elapsed") for run in measured}
    for mode, state in dict.fromkeys((run.mode, run.state) for run in measured):
        of = [run for run in measured if (run.mode, run.state) == (mode, state)]
        elapsed = middle(measured, mode, state, "elapsed")
        bound = middle(measured, mode, state, "lower_bound")
        yield {
            "": f"{mode}, {state}",
            "command": median(run.whole for run in of),
            "elapsed": elapsed,
            "CPU": middle(measured, mode, state, "cpu"),
            "CPU / cores": median(run.figures["cpu"] / run.figures["cores"] for run in of),
            "critical path": middle(measured, mode, state, "critical_path"),
            "lower bound": bound,
            "elapsed / bound": elapsed / bound if bound else None,
            "speedup, DevStack's": middle(measured, mode, state, "speedup"),
            "speedup, measured": serial[state] / elapsed if serial[state] else None,
        }


def middle(measured: list[Run], mode: str, state: str, figure: str) -> float:
    """Return the median of a figure over the rounds, 0 if there was none."""
    values = [run.figures[figure] for run in measured if (run.mode, run.state) == (mode, state)]
    return median(values) if values else 0.0


def critical_steps(measured: list[Run]) -> str:
    """Return what the last fresh parallel run could not do at once."""
    for run in reversed(measured):
        if (run.mode, run.state) == ("parallel", "fresh"):
            steps = sorted(run.figures["critical_steps"], key=lambda step: -step["seconds"])[:10]
            return table([{"critical path": s["name"], "seconds": s["seconds"]} for s in steps])
    return ""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--services", default="", help="ENABLED_SERVICES, if not the default ones")
    parser.add_argument("--modes", nargs="+", choices=list(MODES), default=list(MODES))
    options = parser.parse_args()
    measured: list[Run] = []
    for _ in range(options.rounds):
        for mode in options.modes:
            measured += runs(mode, options.services)
    print(f"seconds (median of {options.rounds} interleaved rounds)\n")
    print(table(list(rows(measured))))
    print(f"\n{critical_steps(measured)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
