"""A controller and a compute node, in one run and one after the other, beside the lower bound.

The hosts are namespaces of this machine, so it needs root and openssh-server. Each stack is fresh,
with a copy of the caches on each host; with `--first` only of uv's packages, as on a host that has
downloaded them and never had a stack. DevStack's role stacks the controller, then the subnode, and
then lets the controller discover it, which here ends the subnode's own run.
"""

import argparse
import errno
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tabulate import tabulate

sys.path.insert(0, str(Path(__file__).parent.parent))

from harness import progress
from tests.conftest import StackDir, clean_environment, stack_dirs, user_caches
from tests.e2e.samples import free_ports
from tests.sshd_hosts import HOME, SshdHost, sshd_hosts

from doitstack.journal.events import RunEnd
from doitstack.journal.journal_file import read_events, run_journals

CONTROL = "key,mysql,rabbit,g-api,placement-api,n-api,n-cond,n-sch"
CONTROL_OF_GUESTS = f"{CONTROL},n-api-meta,neutron-api,ovn-northd"
COMPUTE_OF_GUESTS = "n-cpu,ovn-controller,ovs-vswitchd,ovsdb-server,q-ovn-agent"
SECRETS = "".join(f"{one}_PASSWORD=secret\n" for one in ("ADMIN", "DATABASE", "RABBIT", "SERVICE"))
CONTROLLER = f"[[local|localrc]]\nHOST_IP=10.88.0.1\n{SECRETS}"
SUBNODE = f"""\
[[local|localrc]]
HOST_IP=10.88.0.2
SERVICE_HOST=10.88.0.1
DATABASE_TYPE=mysql
{SECRETS}"""

HOSTS = ("controller", "compute1")
CACHES = ("uv", "doitstack")
"""The names in `~/.cache`, in the order of `user_caches`."""


class Work(NamedTuple):
    """What is stacked: services of the controller alone and of both hosts, and Nova's driver."""

    driver: str
    control: str
    compute: str

    def conf(self, beginning: str, services: str) -> str:
        """Return the local.conf of a host."""
        return f"{beginning}VIRT_DRIVER={self.driver}\nENABLED_SERVICES={services}\n"


FAKE = Work("fake", CONTROL, "n-cpu")
GUESTS = Work("libvirt", CONTROL_OF_GUESTS, COMPUTE_OF_GUESTS)


class Stacked(NamedTuple):
    """What two nodes took: seconds elapsed, and CPU seconds on each of them."""

    elapsed: float
    controller: float
    subnode: float


def main() -> None:
    """Print a table for each way in which the hosts have cores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--cores",
        choices=("own", "shared", "both"),
        default="both",
        help="own: a core for each host, as for two machines; shared: all cores for both",
    )
    parser.add_argument("--guests", action="store_true", help="computes with guests and OVN")
    parser.add_argument("--first", action="store_true", help="hosts that never had a stack")
    parser.add_argument("--keep", type=Path, help="where the journals and logs of all hosts go")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as top:
        work = GUESTS if options.guests else FAKE
        bench = Bench(work, Path(top), options.keep, is_first=options.first)
        progress("filling the caches")
        bench.fill_caches()
        for cores in ("own", "shared") if options.cores == "both" else (options.cores,):
            rounds = [bench.round(number, cores) for number in range(options.rounds)]
            print(table(rounds, cores))


class Bench:
    """Rounds of two nodes; `top` is where caches are, of which each host gets a copy."""

    def __init__(self, work: Work, top: Path, keep: Path | None, *, is_first: bool) -> None:
        self._work = work
        self._is_first = is_first
        self._controller = work.conf(CONTROLLER, f"{work.control},{work.compute}")
        self._subnode = work.conf(SUBNODE, work.compute)
        self._caches = top / "caches"
        self._environments = top / "environments"
        self._environments.mkdir()
        self._keep = keep
        self._contenders = {"one after another": self._in_turn, "one run": self._together}

    def fill_caches(self) -> None:
        """Fetch all packages, and compile what both hosts import."""
        with tempfile.TemporaryDirectory() as top, stack_dirs(Path(top)) as make:
            services = f"{self._work.control},{self._work.compute}"
            environ = {"VIRT_DRIVER": self._work.driver, **free_ports(), **user_caches()}
            stack = make(services=services, **environ)
            stack.run("stack:install", timeout=1800).ok()
            stack.run("clean", timeout=300).ok()
        for name, path in zip(CACHES, user_caches().values(), strict=True):
            linked(Path(path), self._caches / name)
        with self._nodes("shared", has_copies=False) as nodes:
            self._together(nodes)

    def round(self, number: int, cores: str) -> dict[str, Stacked]:
        """Let all contenders stack two new hosts in turn."""
        taken = {}
        names = list(self._contenders)
        for name in names if number % 2 == 0 else reversed(names):
            with self._nodes(cores) as nodes:
                taken[name] = self._contenders[name](nodes)
                progress(f"{cores} cores, round {number + 1}, {name}: {taken[name]}")
                if self._keep:
                    keep = self._keep / f"{cores}-{number + 1}-{name.replace(' ', '-')}"
                    for host, stack in nodes.stacks.items():
                        shutil.copytree(stack / ".stack/logs", keep / host / "logs")
                        shutil.copytree(stack / ".stack/async", keep / host / "async")
        return taken

    @contextmanager
    def _nodes(self, cores: str, *, has_copies: bool = True) -> Iterator["Nodes"]:
        place = f"{HOME}/.cache" if has_copies else str(self._caches)
        caches = {key: f"{place}/{name}" for key, name in zip(user_caches(), CACHES, strict=True)}
        with (
            tempfile.TemporaryDirectory(prefix="nodes-") as top,
            sshd_hosts(Path(top), *HOSTS, UV_OFFLINE="1", **caches) as hosts,
        ):
            for host in hosts.values():
                self._give_caches(host, has_copies=has_copies)
            yield Nodes(Path(top), hosts, cores, caches)

    def _give_caches(self, host: SshdHost, *, has_copies: bool) -> None:
        caches = host.home / ".cache"
        shutil.rmtree(caches)
        if has_copies:
            for name in CACHES[:1] if self._is_first else CACHES:
                linked(self._caches / name, caches / name)
        (caches / "doitstack").mkdir(parents=True, exist_ok=True)
        (caches / "doitstack/environments").symlink_to(self._environments)

    def _together(self, nodes: "Nodes") -> Stacked:
        elapsed = nodes.stack("controller", f"{self._controller}HOSTS=compute1\n")
        nodes.stacks["compute1"] = nodes.hosts["compute1"].home / "doitstack/compute1"
        return nodes.stacked(elapsed)

    def _in_turn(self, nodes: "Nodes") -> Stacked:
        elapsed = nodes.stack("controller", self._controller)
        return nodes.stacked(elapsed + nodes.stack("compute1", self._subnode))


class Nodes:
    """Two hosts; `stacks` are their stack directories."""

    def __init__(
        self, top: Path, hosts: dict[str, SshdHost], cores: str, caches: dict[str, str]
    ) -> None:
        self.hosts = hosts
        self.stacks: dict[str, Path] = {}
        self._top = top
        self._environ = clean_environment(UV_OFFLINE="1", **caches)
        free = sorted(os.sched_getaffinity(0))
        own = {name: {free[number]} for number, name in enumerate(hosts)}
        self._cores = own if cores == "own" else {name: set(free) for name in hosts}
        for name, host in hosts.items():
            children = Path(f"/proc/{host.init}/task/{host.init}/children").read_text()
            for pid in (host.init, *map(int, children.split())):
                os.sched_setaffinity(pid, self._cores[name])

    def stack(self, name: str, conf: str) -> float:
        """Run `doit stack` on a host; return the seconds that it took."""
        host, path = self.hosts[name], self._top / "stacks" / name
        environ = {key: value.replace(HOME, str(host.home)) for key, value in self._environ.items()}
        stack = host.take(StackDir(path, {"local.conf": conf}, environ))
        self.stacks[name] = path
        with on_cores(self._cores[name]):
            began = time.monotonic()
            stack.run("stack", timeout=1800).ok()
            return time.monotonic() - began

    def stacked(self, elapsed: float) -> Stacked:
        """Return what the last runs of both hosts took."""
        return Stacked(elapsed, *(_cpu(self.stacks[name]) for name in HOSTS))


def linked(source: Path, target: Path) -> None:
    """Copy a cache, which others may use; whoever writes a file there replaces it."""
    unfinished = shutil.ignore_patterns(".tmp*")
    shutil.copytree(source, target, copy_function=_link, symlinks=True, ignore=unfinished)


def _link(source: str, target: str) -> None:
    with suppress(FileNotFoundError):
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            shutil.copy2(source, target)


@contextmanager
def on_cores(cores: set[int]) -> Iterator[None]:
    """Start programs on some cores only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _cpu(stack: Path) -> float:
    """Return the CPU seconds of the last run in a stack directory, with its services."""
    (end,) = (
        event
        for event in read_events(run_journals(stack / ".stack/logs")[-1])
        if isinstance(event, RunEnd)
    )
    return end.cpu


def table(rounds: list[dict[str, Stacked]], cores: str) -> str:
    """Return the medians of all rounds, and of their ratios."""
    first, second = rounds[0]
    rows = []
    for name in (first, second):
        ratio = median(one[name].elapsed / one[first].elapsed for one in rounds)
        figures = [median(values) for values in zip(*(one[name] for one in rounds), strict=True)]
        bound = (
            max(figures[1:]) if cores == "own" else sum(figures[1:]) / len(os.sched_getaffinity(0))
        )
        rows.append((name, *figures, bound, ratio))
    heads = (
        f"{cores} cores",
        "elapsed s",
        *(f"CPU s, {name}" for name in HOSTS),
        "bound s",
        "ratio",
    )
    return tabulate(rows, heads, floatfmt=".2f")


if __name__ == "__main__":
    main()
