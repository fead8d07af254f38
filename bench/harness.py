"""Shared parts of the benchmarks: stack directories, interleaved rounds, medians and ratios.

Absolute times on a shared machine vary a lot. So all contenders take turns within one round, and a
ratio is the median of the ratios of all rounds.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tabulate import tabulate

from doitstack.cli.init import stack_directory_files

DOIT = Path(sys.executable).with_name("doit")
CORE = Path(__file__).parent.parent / "core" / "doitstack"

DODO = "from doitstack.dodo import *\n"


class BenchError(Exception):
    """A contender failed; the message is its output."""


@dataclass(frozen=True)
class Contender:
    """One way of doing the work: `run(count)` returns the seconds that `count` pieces took.

    If `is_whole`, the seconds include the start of a command; then `run(0)` is also measured in
    each round and subtracted.
    """

    name: str
    run: Callable[[int], float]
    is_whole: bool = False


@dataclass(frozen=True)
class Figure:
    """The results of one contender in all rounds, in s."""

    rounds: tuple[float, ...]

    @property
    def middle(self) -> float:
        return median(self.rounds)

    def over(self, other: "Figure") -> float:
        """Return the median of the ratios of all rounds."""
        return median(a / b for a, b in zip(self.rounds, other.rounds, strict=True))


def measure(contenders: Sequence[Contender], count: int, rounds: int) -> dict[str, Figure]:
    """Run all contenders in turn, and return the seconds per piece, by contender."""
    seconds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        progress(f"{count} pieces, round {number + 1} of {rounds}")
        for contender in contenders:
            empty = contender.run(0) if contender.is_whole else 0.0
            seconds[contender.name].append(max(0.0, contender.run(count) - empty) / count)
    return {name: Figure(tuple(taken)) for name, taken in seconds.items()}


def progress(text: str) -> None:
    """Print progress to stderr; only the table goes to stdout."""
    print(text, file=sys.stderr, flush=True)


def run_command(argv: Sequence[str | Path], cwd: Path, **environ: str) -> str:
    """Run a program and return what it printed. Raises BenchError."""
    done = subprocess.run(
        argv,
        cwd=cwd,
        env=clean_environment(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"{argv} ended with code {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without settings of stacks."""
    return {**dict(_foreign_variables()), **extra}


def _foreign_variables() -> Iterator[tuple[str, str]]:
    # Without byte code, every start would compile what a user's start only loads.
    ours = (
        *("DEST", "DATA_DIR", "LOGDIR", "TOP_DIR", "ENABLED_SERVICES"),
        *("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"),
    )
    for name, value in os.environ.items():
        if name not in ours and not name.startswith(("DEVSTACK_", "ASYNC_", "DOIT", "OS_")):
            yield name, value


def make_stack_directory(path: Path, files: Mapping[str, str]) -> Path:
    """Create a stack directory with these files, by name, and return it."""
    for name, text in {
        "dodo.py": DODO,
        "doit.cfg": stack_directory_files()["doit.cfg"],
        **files,
    }.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return path


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """Return rows as a table."""
    return tabulate(rows, headers="keys", tablefmt="github", floatfmt=".2f", missingval="-")
