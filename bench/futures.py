"""The cost of one future: start it, collect it; its work is to print one line.

All futures are started before the first is collected. They are compared with the least that a
program could do itself, and with tools that run many jobs in parallel. A future from Python forks
a large process, so it is compared with a fork of the same process with doit loaded.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from harness import (
    CORE,
    DOIT,
    BenchError,
    Contender,
    Figure,
    make_stack_directory,
    measure,
    progress,
    run_command,
    table,
)

PLAIN_BASH = "plain bash: & wait cat"
STEP_FORK = "os.fork wait4 in a step"
WORDS = "the one line that the work prints"

# The last line of each bash contender has the microseconds that it took.
BASH_HEAD = f"""
noop() {{ echo {WORDS}; }}
began=${{EPOCHREALTIME/./}}
"""
BASH_TAIL = """
echo "took $((${EPOCHREALTIME/./} - began))"
"""

BASH_PLAIN = f"""
{BASH_HEAD}
for ((i = 0; i < $1; i++)); do
    noop >"$i.log" 2>&1 &
    pids[i]=$!
done
for ((i = 0; i < $1; i++)); do
    wait "${{pids[i]}}"
    cat "$i.log"
done
{BASH_TAIL}
"""

BASH_ASYNC = f"""
{BASH_HEAD}
names=()
for ((i = 0; i < count; i++)); do
    async_run "f$i" noop
    names+=("f$i")
done
async_wait "${{names[@]}}"
{BASH_TAIL}
"""

ASYNC_ALONE = f"""
count=$1 DEST=$PWD
source {CORE}/bash/timing.sh
source {CORE}/bash/async.sh
async_init
{BASH_ASYNC}
"""

EXTRA_SHELL = f"""
if [[ "$1 $2" == "stack install" ]]; then
    count=$BENCH_COUNT
    {BASH_ASYNC}
fi
"""

FORK = f"""
import os, time

def fork_and_wait(count):
    began = time.perf_counter()
    pids = []
    for i in range(count):
        pid = os.fork()
        if pid == 0:
            log = os.open(f"{{i}}.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
            os.dup2(log, 1)
            os.dup2(log, 2)
            print({WORDS!r}, flush=True)
            os._exit(0)
        pids.append(pid)
    for i, pid in enumerate(pids):
        os.wait4(pid, 0)
        with open(f"{{i}}.log", "rb") as log:
            os.write(1, log.read())
    print("took", int((time.perf_counter() - began) * 1e6))
"""

FORK_ALONE = f"""
import sys
{FORK}
fork_and_wait(int(sys.argv[1]))
"""

EXTRA_FORK = f"""
from doitstack import hookimpl, run
{FORK}
def bench(stack):
    fork_and_wait(int(os.environ["BENCH_COUNT"]))

@hookimpl
def stack_install(stack):
    yield run(bench)
"""

EXTRA_CALLS = f"""
import os, time
from doitstack import hookimpl, run

COUNT = int(os.environ["BENCH_COUNT"])

def noop(stack):
    print({WORDS!r})

def bench(stack):
    began = time.perf_counter()
    names = [f"f{{i}}" for i in range(COUNT)]
    for name in names:
        stack.async_run(name, noop)
    stack.async_wait(*names)
    print("took", int((time.perf_counter() - began) * 1e6))

@hookimpl
def stack_install(stack):
    yield run(bench)
"""

EXTRA_STEPS = f"""
import os
from doitstack import async_run, async_wait, hookimpl

COUNT = int(os.environ["BENCH_COUNT"])

def noop(stack):
    print({WORDS!r})

@hookimpl
def stack_install(stack):
    for i in range(COUNT):
        yield async_run(f"f{{i}}", noop)
    if COUNT:
        yield async_wait(*[f"f{{i}}" for i in range(COUNT)])
"""

EXTRA_PROGRAMS = EXTRA_STEPS.replace(", noop)", ", ['printenv', 'BENCH_WORDS'])")

DOIT_TASKS = [DOIT, "run", "-n", "2", "-v", "2"]
DODO_PLAIN = f"""
def noop():
    print({WORDS!r})

def task_bench():
    for i in range({{count}}):
        yield {{{{"name": str(i), "actions": [noop]}}}}
"""


def contenders(place: Path) -> Iterator[Contender]:
    """Yield all contenders that can run here; `place` is a directory for their files."""
    yield Contender(PLAIN_BASH, inside(place, lambda count: ["bash", "-c", BASH_PLAIN, "", count]))
    yield Contender(
        "async_run in bash, alone",
        inside(place, lambda count: ["bash", "-c", ASYNC_ALONE, "", count]),
    )
    yield Contender("async_run in bash, doit stack", stack(place, "10-bench.sh", EXTRA_SHELL))
    yield Contender(
        "os.fork wait4 in a bare Python",
        inside(place, lambda count: [sys.executable, "-c", FORK_ALONE, count]),
    )
    yield Contender(STEP_FORK, stack(place, "10-bench.py", EXTRA_FORK))
    yield Contender("stack.async_run in a step", stack(place, "10-bench.py", EXTRA_CALLS))
    yield Contender(
        "async_run as steps of the plan",
        stack(place, "10-bench.py", EXTRA_STEPS, is_whole=True),
        is_whole=True,
    )
    yield Contender(
        "the same, of programs",
        stack(place, "10-bench.py", EXTRA_PROGRAMS, is_whole=True),
        is_whole=True,
    )
    yield Contender("doit -n 2", doit_tasks(place), is_whole=True)
    if shutil.which("make"):
        yield Contender("make -j", make(place), is_whole=True)
    if shutil.which("ninja"):
        yield Contender("ninja -j 0", ninja(place), is_whole=True)


def missing() -> list[str]:
    """Return the tools that are not installed here."""
    return [name for name in ("make", "ninja") if not shutil.which(name)]


# -- one run of each ------------------------------------------------------------------------------


def inside(place: Path, argv: Callable[[str], list[str]]) -> Callable[[int], float]:
    """Return a run of a program that prints how long the work took."""

    def run(count: int) -> float:
        with tempfile.TemporaryDirectory(dir=place) as directory:
            return told(run_command(argv(str(count)), Path(directory)), count)

    return run


def stack(place: Path, extra: str, text: str, *, is_whole: bool = False) -> Callable[[int], float]:
    """Return a run of `doit stack` in a stack directory with one extra."""

    def run(count: int) -> float:
        with tempfile.TemporaryDirectory(dir=place) as directory:
            path = make_stack_directory(Path(directory), {f"extras.d/{extra}": text})
            began = time.perf_counter()
            # No service: the futures alone are measured.
            environ = {"ENABLED_SERVICES": ",", "BENCH_COUNT": str(count), "BENCH_WORDS": WORDS}
            out = run_command([DOIT, "stack"], path, **environ)
            taken = time.perf_counter() - began
            return checked(out, count, taken) if is_whole else told(out, count)

    return run


def doit_tasks(place: Path) -> Callable[[int], float]:
    """Return a run of plain doit tasks, two at a time."""
    return whole(place, "dodo.py", lambda count: DODO_PLAIN.format(count=count), DOIT_TASKS)


def make(place: Path) -> Callable[[int], float]:
    """Return a run of make targets, all in parallel, with synchronized output."""

    def text(count: int) -> str:
        targets = " ".join(f"f{i}" for i in range(count))
        return f"all: {targets}\n.PHONY: all {targets}\n{targets or 'none'}:\n\t@echo {WORDS}\n"

    return whole(place, "Makefile", text, ["make", "-j", "-O"])


def ninja(place: Path) -> Callable[[int], float]:
    """Return a run of ninja edges, all in parallel."""

    def text(count: int) -> str:
        names = [f"f{i}" for i in range(count)]
        edges = "".join(f"build {name}: noop\n" for name in names)
        rule = f"rule noop\n  command = echo {WORDS}\n  description = $out\n"
        return f"{rule}{edges}build all: phony {' '.join(names)}\ndefault all\n"

    return whole(place, "build.ninja", text, ["ninja", "-j", "0"])


def whole(
    place: Path, name: str, text: Callable[[int], str], argv: list[str | Path]
) -> Callable[[int], float]:
    """Return a run of a command in a directory with one file."""

    def run(count: int) -> float:
        with tempfile.TemporaryDirectory(dir=place) as directory:
            (Path(directory) / name).write_text(text(count))
            began = time.perf_counter()
            out = run_command(argv, Path(directory))
            return checked(out, count, time.perf_counter() - began)

    return run


def checked(out: str, count: int, taken: float) -> float:
    """Return `taken` if all the work was done. Raises BenchError."""
    # doit writes from two processes: a line may begin in the middle of another.
    lines = out.count(WORDS)
    if lines != count:
        raise BenchError(f"{lines} of {count} futures printed their line:\n{out[-2000:]}")
    return taken


def told(out: str, count: int) -> float:
    """Return the seconds that the program has printed."""
    taken = next(line for line in reversed(out.splitlines()) if line.startswith("took "))
    return checked(out, count, int(taken.split()[1]) / 1e6)


# -- the table ------------------------------------------------------------------------------------


def rows(figures: dict[int, dict[str, Figure]]) -> Iterator[dict[str, object]]:
    """Yield a row for each contender: ms per future, and the ratios to the two baselines."""
    for name in next(iter(figures.values())):
        row: dict[str, object] = {"": name}
        for count, measured in figures.items():
            figure = measured[name]
            row[f"{count}: ms"] = figure.middle * 1000
            row[f"{count}: / bash"] = figure.over(measured[PLAIN_BASH])
            row[f"{count}: / fork"] = figure.over(measured[STEP_FORK])
        yield row


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="three rounds of 100 futures")
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 1000], metavar="N")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", metavar="WORD", help="only contenders with this word")
    parser.add_argument(
        "--directory",
        default="/dev/shm" if Path("/dev/shm").is_dir() else None,
        help="where the files go; by default in memory, since ext4 creates files more slowly after "
        "many files were removed, which would distort the results",
    )
    options = parser.parse_args()
    counts, rounds = ([100], 3) if options.quick else (options.counts, options.rounds)
    with tempfile.TemporaryDirectory(prefix="doitstack-bench-", dir=options.directory) as directory:
        wanted = [
            contender
            for contender in contenders(Path(directory))
            if options.only in contender.name or contender.name in (PLAIN_BASH, STEP_FORK)
        ]
        figures = {count: measure(wanted, count, rounds) for count in counts}
    print(f"milliseconds per future (median of {rounds} interleaved rounds), and ratios\n")
    print(table(list(rows(figures))))
    if missing():
        progress(f"not installed, so not in the table: {', '.join(missing())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
