"""The duration of a stack, serial and parallel, fresh and repeated, compared with its lower bound.

Each run has its own stack directory, DEST and ports, which are removed afterwards. Packages come
from uv's cache if they are there: ignore the first round if they were not.
"""

import argparse
import json
import os
import re
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from harness import DOIT, BenchError, make_stack_directory, progress, run_command, table

CHECKOUT = Path(__file__).parent.parent
LOGIN_SECONDS = 300
"""The time limit for a server to be created and logged in to."""

MODES = {"serial": "False", "parallel": "True"}


@dataclass(frozen=True)
class Run:
    """One `doit stack`: its mode, and the figures of `doit timing --json`.

    `memory` is the peak, with all services, in MB; `said` is its output.
    """

    mode: str
    state: str
    whole: float
    memory: float
    figures: dict[str, Any]
    said: str


def runs(mode: str, sample: str, *, tests: bool) -> Iterator[Run]:
    """Stack twice in a new directory, then clean it. Raises BenchError if processes are left."""
    environ = {"DEVSTACK_PARALLEL": MODES[mode], **free_ports()}
    with tempfile.TemporaryDirectory(prefix="doitstack-bench-") as place:
        directory = make_stack_directory(Path(place) / "stack", dict(files(sample)))
        try:
            for state in ("fresh", "again"):
                progress(f"{mode}, {state}")
                run = stacked(directory, mode, state, environ)
                yield run
            if commands := server_commands(run.said):
                seconds = seconds_to_login(directory, *commands)
                print(f"{mode}: {seconds:.1f} s from the creation of a server to a login")
            if tests:
                said = run_command([DOIT, "tempest"], directory, **environ)
                print("tempest:", " ".join(re.findall(r"(?:Passed|Skipped|Failed): \d+", said)))
        finally:
            try:
                run_command([DOIT, "clean"], directory, **environ)
            finally:
                end_leftovers(place)


def files(sample: str) -> Iterator[tuple[str, str]]:
    """Yield the files of a stack directory, by name, with a sample as its local.conf."""
    yield "local.conf", sample_text(sample)
    for extra in sorted((CHECKOUT / "extras.d").glob("[0-9][0-9]-*")):
        yield f"extras.d/{extra.name}", extra.read_text()


def sample_text(sample: str) -> str:
    """Return the text of `samples/local.conf.SAMPLE`."""
    return (CHECKOUT / "samples" / f"local.conf.{sample}").read_text()


def stacked(directory: Path, mode: str, state: str, environ: dict[str, str]) -> Run:
    """Run `doit stack`, and return its figures."""
    began = time.monotonic()
    with watched_memory(str(directory)) as peak:
        said = run_command([DOIT, "stack"], directory, **environ)
    whole = time.monotonic() - began
    figures = json.loads(run_command([DOIT, "timing", "--json"], directory, **environ))
    return Run(mode, state, whole, max(peak), figures, said)


def server_commands(said: str) -> list[str]:
    """Return the commands at the end of a run that boot a server and log in to it, if any."""
    _, _, after = said.partition("\nboot a server and log in to it:\n")
    return [line.strip() for line in after.splitlines()[:3]]


def seconds_to_login(directory: Path, create: str, add_address: str, login: str) -> float:
    """Create a server, and return after how many seconds somebody has logged in to it."""
    attempt = f"{login} -o ConnectTimeout=1 true"
    script = f"{create} && {add_address} && until {attempt}; do sleep 0.2; done"
    began = time.monotonic()
    run_command(["timeout", str(LOGIN_SECONDS), "bash", "-c", script], directory)
    return time.monotonic() - began


@contextmanager
def watched_memory(place: str) -> Iterator[list[float]]:
    """Sample the memory of all processes below `place` during the block; yields the list, in MB.

    It samples for a tenth of the time: a peak lasts for less than a second.
    """
    seen, is_over = [0.0], threading.Event()

    def watch() -> None:
        took = 0.01
        while not is_over.wait(9 * took):
            began = time.monotonic()
            seen.append(sum(proportional_set(pid) for pid, _ in processes_of(place)) / 2**10)
            took = time.monotonic() - began

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()


def proportional_set(pid: int) -> int:
    """Return the memory of a process in KiB; shared memory is divided among its users."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def free_ports() -> dict[str, str]:
    """Return a free port for each port setting in the sample `everything`."""
    names = re.findall(r"^#(\w+_PORT\w*)=", sample_text("everything"), re.MULTILINE)
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in names]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return {name: str(one.getsockname()[1]) for name, one in zip(names, probes, strict=True)}


def end_leftovers(place: str) -> None:
    """Kill processes of the stack in `place`. Raises BenchError if there were any."""
    left = dict(processes_of(place))
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if left:
        raise BenchError(f"processes were left by `doit clean`: {left}")


def processes_of(place: str) -> Iterator[tuple[int, str]]:
    """Yield the processes that run below `place` or under its supervisor, with command lines."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            where = str((entry / "cwd").readlink())
            environ = (entry / "environ").read_bytes()
        except OSError:
            continue
        if place in words or where.startswith(place) or f"={place}".encode() in environ:
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
            "peak MB": max(run.memory for run in of),
        }


def middle(measured: list[Run], mode: str, state: str, figure: str) -> float:
    """Return the median of a figure over the rounds, 0 if there was none."""
    values = [run.figures[figure] for run in measured if (run.mode, run.state) == (mode, state)]
    return median(values) if values else 0.0


def critical_steps(measured: list[Run]) -> str:
    """Return the critical path of the last fresh parallel run."""
    for run in reversed(measured):
        if (run.mode, run.state) == ("parallel", "fresh"):
            steps = sorted(run.figures["critical_steps"], key=lambda step: -step["seconds"])[:10]
            return table([{"critical path": s["name"], "seconds": s["seconds"]} for s in steps])
    return ""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=1)
    samples = sorted(path.suffix[1:] for path in (CHECKOUT / "samples").glob("local.conf.*"))
    parser.add_argument("--sample", choices=samples, default="identity", help="what is stacked")
    parser.add_argument(
        "--tempest", action="store_true", help="run Tempest's tests at the end of each run"
    )
    parser.add_argument("--modes", nargs="+", choices=list(MODES), default=list(MODES))
    options = parser.parse_args()
    # If this program is interrupted, no stack is left running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    measured: list[Run] = []
    for _ in range(options.rounds):
        for mode in options.modes:
            measured += runs(mode, options.sample, tests=options.tempest)
    print(f"seconds (median of {options.rounds} interleaved rounds)\n")
    print(table(list(rows(measured))))
    print(f"\n{critical_steps(measured)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
