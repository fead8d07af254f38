"""CPU time and memory of steps in plans of different size, beside plain doit with the same actions.

CPU time is that of all processes, less that of a run without steps. It varies less than the
duration if the machine has other work.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from futures import DODO_PLAIN, EXTRA_PROGRAMS, EXTRA_STEPS, WORDS
from harness import DOIT, BenchError, clean_environment, make_stack_directory, progress, table

JOBS = "8"

EXTRA_RUNS = f"""
import os
from doitstack import hookimpl, run

def noop(stack):
    print({WORDS!r})

@hookimpl
def stack_install(stack):
    for i in range(int(os.environ["BENCH_COUNT"])):
        yield run(noop, name=f"f{{i}}")
"""

DODO_PROGRAMS = DODO_PLAIN.replace("[noop]", "[['printenv', 'BENCH_WORDS']]")

FUNCTIONS, PROGRAMS = "doit -n 2: functions", "doit -n 2: programs"


class Cost(NamedTuple):
    """What a command took: s of CPU time, and the memory of its largest process."""

    cpu: float
    megabytes: float


Round = Mapping[tuple[str, int], Cost]


class Contender(NamedTuple):
    """One way of doing the work: `run(count)` does so many pieces. It is compared with `plain`."""

    name: str
    plain: str
    run: Callable[[int], Cost]


def contenders(place: Path) -> Iterator[Contender]:
    """Yield all contenders; `place` is a directory for their files."""
    yield Contender(FUNCTIONS, FUNCTIONS, plain(place, DODO_PLAIN))
    yield Contender("run of functions", FUNCTIONS, stack(place, EXTRA_RUNS))
    yield Contender(f"async_run of functions, -n {JOBS}", FUNCTIONS, stack(place, EXTRA_STEPS))
    yield Contender(PROGRAMS, PROGRAMS, plain(place, DODO_PROGRAMS))
    yield Contender(f"async_run of programs, -n {JOBS}", PROGRAMS, stack(place, EXTRA_PROGRAMS))


def plain(place: Path, dodo: str) -> Callable[[int], Cost]:
    """Return a run of plain doit tasks."""

    def run(count: int) -> Cost:
        with tempfile.TemporaryDirectory(dir=place) as name:
            (Path(name) / "dodo.py").write_text(dodo.format(count=count))
            return cost([DOIT, "run", "-n", "2", "-v", "2"], Path(name), count)

    return run


def stack(place: Path, extra: str) -> Callable[[int], Cost]:
    """Return a run of `doit stack` with one plugin and no service."""

    def run(count: int) -> Cost:
        with tempfile.TemporaryDirectory(dir=place) as name:
            path = make_stack_directory(Path(name), {"extras.d/10-bench.py": extra})
            return cost([DOIT, "-n", JOBS, "stack"], path, count)

    return run


def cost(argv: Sequence[str | Path], directory: Path, count: int) -> Cost:
    """Return what a command and the processes that it waited for took. Raises BenchError."""
    environ = {"ENABLED_SERVICES": ",", "BENCH_COUNT": str(count), "BENCH_WORDS": WORDS}
    with (directory / "out").open("w+b") as out:
        process = subprocess.Popen(
            argv, cwd=directory, env=clean_environment(environ), stdout=out, stderr=out
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read().decode(errors="replace")
    if process.returncode or text.count(WORDS) != count:
        raise BenchError(f"{argv} ended with code {process.returncode}\n{text[-4000:]}")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def row(one: Contender, counts: Sequence[int], rounds: Sequence[Round]) -> dict[str, object]:
    """Return a row of the table."""

    def each(measured: Round, name: str, count: int) -> float:
        return (measured[name, count].cpu - measured[name, 0].cpu) / count

    cells: dict[str, object] = {"": one.name}
    for count in counts:
        ratios = [each(taken, one.name, count) / each(taken, one.plain, count) for taken in rounds]
        cells[f"{count}: ms"] = median(each(taken, one.name, count) for taken in rounds) * 1000
        cells[f"{count}: / doit"] = median(ratios)
        cells[f"{count}: MB"] = median(taken[one.name, count].megabytes for taken in rounds)
    return cells


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[1000, 5000, 10000], metavar="N")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    counts, rounds = options.counts, []
    with tempfile.TemporaryDirectory(prefix="doitstack-bench-") as place:
        all_of_them = list(contenders(Path(place)))
        for number in range(options.rounds):
            progress(f"round {number + 1} of {options.rounds}")
            rounds.append({(c.name, n): c.run(n) for n in (0, *counts) for c in all_of_them})
    print(f"ms of CPU time a piece, and peak MB (medians of {options.rounds} rounds), and ratios\n")
    print(table([row(contender, counts, rounds) for contender in all_of_them]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
