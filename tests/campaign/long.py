"""Stack and unstack many times, and look at what has grown; and many futures at once."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.conftest import StackDir
from tests.integration.probes import is_dead, marked, plugin

KEPT = 3
"""The journals that are kept: fewer than rounds."""

WARM_UP = 4
"""The rounds before the first look: until then, journals and caches fill up."""

MAY_GROW = re.compile(r"logs/stack\.log$")
"""What grows until `doit clean`; docs/reliability.md says so."""

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


@dataclass(frozen=True)
class Look:
    """Files and bytes below DEST without what may grow, and processes of the runs."""

    files: int
    bytes: int
    processes: int


def growth(stack: StackDir, rounds: int) -> dict[str, tuple[float, float]]:
    """Stack and unstack `rounds` times; return figures after the first rounds, and at the end."""
    stack.environ["KEEP_RUNS"] = str(KEPT)
    for _ in range(WARM_UP):
        _round(stack)
    before = _figures(stack)
    for _ in range(rounds - WARM_UP):
        _round(stack)
    after = _figures(stack)
    return {name: (before[name], after[name]) for name in before}


def _round(stack: StackDir) -> None:
    stack.run("stack").ok()
    stack.run("unstack").ok()


def _figures(stack: StackDir) -> dict[str, float]:
    own = os.listdir("/proc/self/fd")
    files = [path for path in stack.path.rglob("*") if path.is_file()]
    kept = [path for path in files if not MAY_GROW.search(str(path))]
    temporary = os.listdir("/tmp")
    return {
        "files": len(files),
        "kB without stack.log": sum(path.stat().st_size for path in kept) // 1024,
        "entries in /tmp": len([name for name in temporary if "doit" in name]),
        "processes": len(marked(stack.environ["TEST_MARK"])),
        "open files of the caller": len(own),
        **_used_by_a_run(stack),
    }


def _used_by_a_run(stack: StackDir) -> dict[str, float]:
    """Return what one more run takes; journals and the log that have grown would slow it down."""
    before = os.times()
    outcome = stack.run("stack").ok()
    stack.run("unstack").ok()
    after = os.times()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return {"CPU s of a round": round(cpu, 2), "lines of output": len(outcome.lines)}


def faults(figures: Mapping[str, tuple[float, float]], mark: str) -> Iterator[str]:
    """Yield what has grown."""
    for name, (before, after) in figures.items():
        allowed = {"CPU s of a round": 2 * before + 1, "kB without stack.log": before + 8}
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
    for path in (stack.path / "extras.d").iterdir():
        path.unlink()
    for name, text in CROWD.items():
        (stack.path / name).write_text(text)
    outcome = stack.run("stack", timeout=1800, CROWD=str(count))
    said = re.search(r"^CROWD (\d+) (-?\d+) ([\d.]+)$", outcome.out, re.MULTILINE)
    figures = said.groups() if said else ("0", "0", "0")
    return Crowd(count, int(figures[0]), int(figures[1]), float(figures[2]), outcome.code)
