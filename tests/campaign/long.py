"""Stack and unstack many times, and look at what has grown; and many futures at once."""

import os
import re
import resource
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import StackDir
from tests.integration.probes import is_dead, marked, plugin

KEPT = 3
"""The journals that are kept: fewer than rounds."""

WARM_UP = 4
"""The rounds before the first look: until then, journals and caches fill up."""

LOOK_EVERY = 10
"""The rounds between two looks."""

MAY_GROW = re.compile(r"(logs/[^/]+|/supervisord)\.log$|logs/runs/[^/]+\.jsonl$")
"""Logs grow until they are large: then the next run, or start of a service, begins another one.

Journals have more samples of a run that takes longer; only KEPT of them are kept.
"""

CROWD = {
    "extras.d/50-crowd.py": plugin("""
        def one(stack):
            pass

        def open_files():
            return len(os.listdir("/proc/self/fd"))

        def crowd(stack):
            count, before = int(stack.settings["CROWD"]), open_files()
            began = time.process_time()
            futures = [stack.async_run(f"f{number}", one) for number in range(count)]
            outstanding = sum(not future.has_ended for future in futures)
            stack.async_wait(*(future.name for future in futures))
            cpu = time.process_time() - began
            print("CROWD", outstanding, open_files() - before, round(cpu, 1))

        @hookimpl
        def stack_install(stack):
            yield run(crowd)
    """)
}


Growth = Mapping[str, tuple[float, float]]
"""Figures after the first rounds, and now."""


def growth(stack: StackDir, rounds: int) -> Iterator[tuple[int, Growth]]:
    """Stack and unstack `rounds` times; yield the growth until a round, now and then and at last.

    A run that is ended early has then figures, too.
    """
    temporary = stack.path.parent / "temporary"
    temporary.mkdir()
    stack.environ |= {"KEEP_RUNS": str(KEPT), "TMPDIR": str(temporary)}
    before = _figures(stack, [_round(stack) for _ in range(WARM_UP)])
    for done in range(0, rounds, LOOK_EVERY):
        count = min(LOOK_EVERY, rounds - done)
        now = _figures(stack, [_round(stack) for _ in range(count)])
        yield done + count, {name: (before[name], now[name]) for name in before}


def _round(stack: StackDir) -> float:
    """Stack and unstack; return the CPU time (s): journals and logs that grow would add to it."""
    before = os.times()
    stack.run("stack").ok()
    stack.run("unstack").ok()
    after = os.times()
    cpu = after.children_user + after.children_system
    return cpu - before.children_user - before.children_system


def _figures(stack: StackDir, cpu: list[float]) -> dict[str, float]:
    files = [path for path in stack.path.rglob("*") if path.is_file()]
    kept = [path for path in files if not MAY_GROW.search(str(path))]
    return {
        "files": len(files),
        "kB without logs": sum(path.stat().st_size for path in kept) // 1024,
        "entries in the temporary directory": len(os.listdir(stack.environ["TMPDIR"])),
        "processes": len(marked(stack.environ["TEST_MARK"])),
        "mounts": len(_lines("/proc/self/mounts")),
        "named namespaces": sum(len(_names(path)) for path in ("/run/netns", "/run/user/netns")),
        "objects in shared memory": len(_names("/dev/shm"))
        + sum(len(_lines(f"/proc/sysvipc/{kind}")) for kind in ("msg", "sem", "shm")),
        "MB of a command": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        "CPU s of a round": round(sorted(cpu[-WARM_UP:])[len(cpu[-WARM_UP:]) // 2], 2),
    }


def _names(path: str) -> list[str]:
    with suppress(OSError):
        return os.listdir(path)
    return []


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def faults(figures: Growth, mark: str) -> Iterator[str]:
    """Yield what has grown."""
    for name, (before, after) in figures.items():
        # Others use the machine, too.
        allowed = {
            "CPU s of a round": 2 * before,
            "kB without logs": before + 8,
            "mounts": before + 5,
            "named namespaces": before + 20,
            "objects in shared memory": before + 20,
            "MB of a command": 1.1 * before,
        }
        if after > allowed.get(name, before):
            yield f"{name} grew from {before:g} to {after:g}"
    if left := [pid for pid in marked(mark) if not is_dead(pid)]:
        yield f"processes are left: {left}"


@dataclass(frozen=True)
class Crowd:
    """How many futures of how many were outstanding at once, and what that took."""

    wanted: int
    outstanding: int
    descriptors_left: int
    cpu: float
    code: int

    def __str__(self) -> str:
        return f"{self.outstanding} outstanding at once, {self.cpu:g} s CPU of the main process"

    @property
    def faults(self) -> list[str]:
        """What was wrong."""
        return [
            *([f"exit code {self.code}"] if self.code else []),
            *([f"{self.descriptors_left} descriptors left"] if self.descriptors_left else []),
        ]


def crowd(stack: StackDir, count: int) -> Crowd:
    """Run `count` futures that are all outstanding before one is waited for."""
    for path in (stack.path / "extras.d").glob("*.*"):
        path.unlink()
    for name, text in CROWD.items():
        (stack.path / name).write_text(text)
    outcome = stack.run("stack", timeout=1800, CROWD=str(count))
    said = re.search(r"^CROWD (\d+) (-?\d+) ([\d.]+)$", outcome.out, re.MULTILINE)
    figures = said.groups() if said else ("0", "0", "0")
    return Crowd(count, int(figures[0]), int(figures[1]), float(figures[2]), outcome.code)
