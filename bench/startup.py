"""The CPU time of `doit list` in a stack directory, compared with a bare `doit list` of one task.

It consists of imports, settings, plugins and the plan. There is nothing to wait for, and CPU time
varies less than the duration if the machine has other work.
"""

import argparse
import resource
import sys
import tempfile
from pathlib import Path

from harness import DOIT, Contender, make_stack_directory, measure, run_command, table

BARE = "doit list, one task"
CHECKOUT = Path(__file__).parent.parent

DODO = """
def task_hello():
    return {"actions": ["echo hello"]}
"""


def listing(name: str, directory: Path) -> Contender:
    """Return a run of `doit list` in a directory; a first run creates the byte code."""
    run_command([DOIT, "list"], directory)

    def run(_count: int) -> float:
        began = _cpu()
        run_command([DOIT, "list"], directory)
        return _cpu() - began

    return Contender(name, run)


def _cpu() -> float:
    """Return the CPU time (s) of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def stack_directory(path: Path) -> Path:
    """Create a stack directory with the same stack as the checkout."""
    extras = sorted((CHECKOUT / "extras.d").glob("[0-9][0-9]-*"))
    return make_stack_directory(path, {f"extras.d/{e.name}": e.read_text() for e in extras})


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="five rounds")
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args()
    rounds = 5 if options.quick else options.rounds
    with tempfile.TemporaryDirectory(prefix="doitstack-bench-") as place:
        bare = Path(place) / "bare"
        bare.mkdir()
        (bare / "dodo.py").write_text(DODO)
        empty = make_stack_directory(Path(place) / "empty", {})
        contenders = [
            listing(BARE, bare),
            listing("doit list, stack directory without extras", empty),
            listing("doit list, the default stack", stack_directory(Path(place) / "stack")),
        ]
        figures = measure(contenders, 1, rounds)
    rows = [
        {"": name, "ms": figure.middle * 1000, "ratio": figure.over(figures[BARE])}
        for name, figure in figures.items()
    ]
    print(f"milliseconds of CPU time (median of {rounds} interleaved rounds), and ratios\n")
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
