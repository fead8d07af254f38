# ruff: noqa: T201 - it is a program
"""Run public plugins by DevStack and by doitstack, with the same stubs, and compare.

python -m tests.public_plugins --devstack CHECKOUT --copies DIRECTORY REPOSITORY...
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tabulate import tabulate

from tests.public_plugins.outcomes import Outcome, verdict
from tests.public_plugins.repositories import Repository, name_of, repository
from tests.public_plugins.sandbox import end_all, run_by_devstack, run_by_doitstack
from tests.public_plugins.world import World


class Row(NamedTuple):
    """What came of one plugin."""

    repository: Repository
    devstack: Outcome
    doitstack: Outcome

    def cells(self) -> list[str]:
        """Return the cells of the table."""
        return [
            self.repository.name,
            self.repository.commit[:10],
            self.devstack.last_phase,
            self.doitstack.last_phase,
            verdict(self.devstack, self.doitstack),
            *(_short(one.error, self.repository.name) for one in (self.devstack, self.doitstack)),
        ]


HEADERS = (
    *("repository", "commit", "DevStack", "doitstack", "verdict"),
    *("where DevStack stops", "where doitstack stops"),
)


def _short(error: str, name: str) -> str:
    """Return an error for a cell of a table, with paths below the repository's."""
    words = re.sub(rf"plugin {name}: step \S+ ", "", error)
    words = re.sub(r"\S*/opt/stack/(\S)", r"\1", words).replace(f"{name}/devstack/", "")
    words = " ".join(words.split()).replace("|", r"\|")
    return words if len(words) <= _WIDTH else f"{words[:_WIDTH]}..."


_WIDTH = 150


def main(words: list[str] | None = None) -> int:
    """Run the plugins; return 1 if doitstack is worse in any."""
    parser = _parser()
    options = parser.parse_args(words)
    try:
        repositories = [repository(text) for text in options.repositories]
    except ValueError as error:
        parser.error(str(error))
    logs = options.logs or Path(tempfile.mkdtemp(prefix="public-plugins-"))
    logs.mkdir(parents=True, exist_ok=True)
    devstack = options.devstack.resolve()
    with _directory(options.world) as top, ThreadPoolExecutor(options.jobs) as pool:
        copies = {name_of(path): path for path in options.copies.iterdir()}
        copies.update((one.name, one.path) for one in repositories)
        world = World(top, copies)

        def run(one: Repository) -> Row:
            log = f"{one.name}-{one.commit[:10]}"
            row = Row(
                one,
                run_by_devstack(world, one, devstack, logs / f"{log}.devstack"),
                run_by_doitstack(world, one, logs / f"{log}.doitstack"),
            )
            print(*row.cells()[:5], sep="\t", file=sys.stderr, flush=True)
            return row

        try:
            # The first leaves files for the others.
            rows = [run(repositories[0]), *pool.map(run, repositories[1:])]
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            end_all()
            raise
    print(tabulate([row.cells() for row in rows], HEADERS, tablefmt=options.format))
    print(f"the logs are in {logs}", file=sys.stderr)
    return int(any(verdict(row.devstack, row.doitstack) == "ours worse" for row in rows))


@contextmanager
def _directory(kept: Path | None) -> Iterator[Path]:
    """Yield a directory that is kept, or a temporary one."""
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.public_plugins", description=__doc__)
    parser.add_argument("--devstack", type=Path, required=True, help="a checkout of DevStack")
    parser.add_argument(
        "--copies", type=Path, required=True, help="a directory of repositories that may be cloned"
    )
    parser.add_argument("--jobs", type=int, default=2, help="how many plugins run at once")
    parser.add_argument(
        "--logs", type=Path, help="where the output of runs goes; those that are there do not run"
    )
    parser.add_argument("--world", type=Path, help="a directory to keep what all runs share")
    parser.add_argument("--format", default="github", help="the format of the table")
    parser.add_argument("repositories", nargs="+", metavar="PATH[@COMMIT]")
    return parser


if __name__ == "__main__":
    sys.exit(main())
