"""Several hosts: two side by side and one after another, and what the engine costs per host.

The hosts are namespaces of this machine, so it needs root and openssh-server. The work of the first
part is sleep, so the load of the machine matters little.
"""

import argparse
import json
import re
import resource
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from tabulate import tabulate

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.conftest import StackDir, clean_environment, user_caches
from tests.integration.probes import plugin
from tests.sshd_hosts import SshdHost, sshd_hosts
from tests.unit.futures.manual_run import ManualRun

from doitstack.futures.other_hosts import OtherHosts
from doitstack.journal.events import FutureEnd, RunEnd
from doitstack.journal.journal_file import read_events, run_journals

MARK = "bench-hosts"

STEPS = 20
"""The futures of each host in the second part."""

WORK = """
    def work(stack, seconds):
        time.sleep(seconds * float(stack.settings["SCALE"]))

    @hookimpl
    def stack_install(stack):
        here, is_alone = stack.settings["THIS_HOST"], "ALONE" in stack.settings
        if stack.settings.get("ROLE", here) == "controller":
            yield async_run("packages", work, 2)
            yield async_run("environments", work, 4)
            yield async_wait("packages", "environments")
            yield async_run("accounts", work, 3)
            yield async_run("api", work, 2)
            yield async_wait("accounts", "api")
            if not is_alone:
                yield async_wait("compute@one")
                yield run(work, 1)  # discover_hosts
        else:
            yield async_run("packages", work, 2)
            yield async_run("environments", work, 5)
            yield async_wait("packages", "environments")
            needs = [] if is_alone else ["accounts@controller", "api@controller"]
            yield async_run("compute", work, 2, wait=needs)
            yield async_wait("compute")
"""
"""A node's packages and environments, then what needs them; a compute needs the controller's APIs.

Side by side the longest path is environments, accounts, compute, discover: 4 + 3 + 2 + 1 s.
"""

BOUND, DISCOVER = 10.0, 1.0

MANY = f"""
    @hookimpl
    def stack_install(stack):
        if stack.settings["THIS_HOST"] != "controller":
            for number in range({STEPS}):
                yield async_run(f"step{{number}}", lambda _: None)
            yield async_wait(*(f"step{{number}}" for number in range({STEPS})))
"""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1, help="of the work of the first part")
    parser.add_argument("--hosts", default="1,2,10,50", help="how many in the second part")
    parser.add_argument("--simulated", type=int, default=500, help="how many in the third part")
    options = parser.parse_args()
    print(_two_nodes(options.rounds, options.scale))
    print(_cost([int(count) for count in options.hosts.split(",")]))
    print(_controller_alone(options.simulated))


@contextmanager
def _stack(text: str, names: list[str]) -> Iterator[tuple[StackDir, dict[str, SshdHost]]]:
    with (
        tempfile.TemporaryDirectory() as top,
        sshd_hosts(Path(top), "controller", *names, TEST_MARK=MARK) as hosts,
    ):
        environ = clean_environment(**user_caches(), TEST_MARK=MARK)
        stack = StackDir(Path(top) / "stack", {"extras.d/50-demo.py": plugin(text)}, environ)
        yield hosts["controller"].take(stack), hosts


def _configure(stack: StackDir, *lines: str) -> None:
    conf = ["[[local|localrc]]", "ENABLED_SERVICES=,", "HOST_IP=10.88.0.1", *lines, ""]
    (stack.path / "local.conf").write_text("\n".join(conf))


def _seconds(stack: StackDir) -> float:
    began = time.monotonic()
    stack.run("stack", timeout=600).ok()
    return time.monotonic() - began


# -- two nodes -----------------------------------------------------------------------------------


def _two_nodes(rounds: int, scale: float) -> str:
    together, serial = [], []
    with _stack(WORK, ["one"]) as (stack, _):
        _configure(stack, "HOSTS=one", "SCALE=0")
        _seconds(stack)  # brings the environment
        for _ in range(rounds):
            _configure(stack, "HOSTS=one", f"SCALE={scale}")
            together.append(_seconds(stack))
            nodes = []
            for role in ("controller", "subnode"):
                _configure(stack, "ALONE=yes", f"ROLE={role}", f"SCALE={scale}")
                nodes.append(_seconds(stack))
            serial.append(sum(nodes) + DISCOVER * scale)
    saved = 1 - median(together) / median(serial)
    rows = [
        ("one after another", median(serial), ""),
        ("side by side", median(together), f"{saved:.0%} shorter"),
        ("lower bound of side by side", BOUND * scale, "the longest path of the work"),
    ]
    return tabulate(rows, ["two nodes", "s", ""], floatfmt=".1f")


# -- cost ----------------------------------------------------------------------------------------


def _cost(counts: list[int]) -> str:
    rows = []
    for count in counts:
        names = [f"h{number}" for number in range(count)]
        with _stack(MANY, names) as (stack, hosts):
            _configure(stack, f"HOSTS={','.join(names)}")
            _seconds(stack)  # brings the environments
            rows.append((count, *_figures(stack, hosts, names)))
    heads = (
        *("hosts", "elapsed s", "CPU s here", "of it a host", "CPU s a host there"),
        *("ms a step, until known here", "MB here", "MB a host there"),
    )
    return tabulate(rows, heads, floatfmt=".2f")


def _figures(stack: StackDir, hosts: dict[str, SshdHost], names: list[str]) -> tuple[float, ...]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    run = stack.start("stack")
    here = there = 0.0
    reader = threading.Thread(target=run.communicate)
    reader.start()
    while reader.is_alive():
        used = _memory(
            {_namespace(hosts["controller"].init): 0, _namespace(hosts[names[0]].init): 1}
        )
        here, there = max(here, used[0]), max(there, used[1])
        time.sleep(0.2)
    elapsed = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    delays = [
        1000 * (event.time - event.end_time)
        for event in read_events(run_journals(stack.dest / "logs")[-1])
        if isinstance(event, FutureEnd) and "step" in event.name
    ]
    theirs = [_cpu_there(hosts[name]) for name in names]
    count = len(names)
    delay = median(delays) if delays else 0.0
    return elapsed, cpu, cpu / count, median(theirs), delay, here, there


def _cpu_there(host: SshdHost) -> float:
    logs = host.home / "doitstack" / host.name / ".stack" / "logs"
    (end,) = (one for one in read_events(run_journals(logs)[-1]) if isinstance(one, RunEnd))
    return end.cpu


def _memory(places: dict[str, int]) -> list[float]:
    """Return the MB of the processes that serve hosts, by the places of their PID namespaces."""
    used = [0.0, 0.0]
    for path in Path("/proc").glob("[0-9]*"):
        try:
            space = _namespace(int(path.name))
            command = (path / "cmdline").read_bytes()
            if space in places and re.match(rb"ssh\0|.*base64|.*doit\0|doit", command, re.DOTALL):
                pss = re.search(r"(?m)^Pss: +(\d+)", (path / "smaps_rollup").read_text())
                used[places[space]] += int(pss[1]) / 1024 if pss else 0
        except OSError:
            continue
    return used


def _namespace(pid: int) -> str:
    return str(Path(f"/proc/{pid}/ns/pid").readlink())


# -- the controller alone ------------------------------------------------------------------------


def _controller_alone(count: int) -> str:
    """Let simulated hosts tell the ends of their futures, and measure the main process."""
    with tempfile.TemporaryDirectory() as top:
        run = ManualRun(Path(top))
        names = [f"h{number}" for number in range(count)]
        known = OtherHosts(run.context, run.futures, this_host="controller", hosts={*names})
        links = [run.futures.declare(f"stack@{name}", name, is_elsewhere=True) for name in names]
        ends = [known.connect(name, link) for name, link in zip(names, links, strict=True)]
        began = time.process_time()
        for number in range(STEPS):
            for name, end in zip(names, ends, strict=True):
                _tell(end, name=f"s{number}@{name}", rc=0, start=1.0, end=2.0)
            run.context.loop.turn(0)
        seconds = time.process_time() - began
        known.close()
    messages = count * STEPS
    rows = [(count, messages, 1e6 * seconds / messages, messages / seconds)]
    return tabulate(rows, ["hosts", "ends", "µs CPU an end", "ends a second"], floatfmt=".0f")


def _tell(link: socket.socket, **message: Any) -> None:
    link.sendall(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
