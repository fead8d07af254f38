"""From the save of a file in a source tree to an answer with the new code, compared with a restart.

Takes a stack that runs from source trees: see docs/own-code.md. A line is appended to the module
of each application, and `doit stack` or `doit restart` is run, while the API is asked all the time.
Of a daemon, the first module that it imports is changed; it answers when it takes messages. The
own start of each is measured beside that: its process is started alone in the same stack.
"""

import argparse
import http.client
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from typing import Any

from harness import DOIT, BenchError, progress, run_command, table

from doitstack.planning.stack_directory import StackDirectory
from doitstack.processes.tree import all_processes, look_up

MODULES = {
    "keystone": "keystone/wsgi/api.py",
    "g-api": "glance/wsgi/api.py",
    "placement-api": "placement/wsgi/api.py",
    "neutron-api": "neutron/wsgi/api.py",
    "n-api": "nova/wsgi/osapi_compute.py",
    "c-api": "cinder/wsgi/api.py",
    "n-cond-cell1": "nova/cmd/conductor.py",
    "n-sch": "nova/cmd/scheduler.py",
    "n-cpu-1": "nova/cmd/compute.py",
    "c-vol": "cinder/cmd/volume.py",
    "c-sch": "cinder/cmd/scheduler.py",
}
"""The module of each application or daemon, below its tree."""

_PATIENCE = 60
"""Seconds in which a service imports its code after `doit`."""

_PROMISE = 3
"""Seconds from the save to an answer, to which what is restarted adds its own start."""

Ask = Callable[[], bool]
"""Asks a service, and returns whether it answers."""


@dataclass
class Requests:
    """The requests during one change: when the good ones began and ended, and the others."""

    good: list[tuple[float, float]] = field(default_factory=list)
    refused: int = 0


@dataclass(frozen=True)
class Change:
    """One change.

    Times are in s: from the save to the import of the new code, to the first answer by it, and to
    the end of `doit`. `cpu` is that of `doit`, `service_cpu` that of the service.
    """

    imported: float
    answered: float
    ended: float
    cpu: float
    service_cpu: float
    requests: Requests


def services(directory: Path) -> dict[str, Any]:
    """Return the services that run from trees, by name, as `doit services` lists them."""
    listed = json.loads(run_command([DOIT, "services", "--json"], directory))
    named = {one["service"]: one for one in listed if one["service"] in MODULES}
    code = {name: one["code"] or {} for name, one in named.items() if one["pid"]}
    return {name: named[name] for name, one in code.items() if one.get("from") == "tree"}


def ask_of(directory: Path, service: Any) -> Ask:
    """Return how a service is asked: at its port, or its queue whether it takes messages."""
    if service["ports"]:
        return partial(_answers, service["ports"][0])
    stack_directory = StackDirectory(directory)
    stack_directory.evaluate_hooks_of_settings()
    found: dict[str, Ask] = {}
    for plugin in stack_directory.plugins:
        found.update(plugin.takes_work_of(stack_directory.stack))
    return found[service["service"]]


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    return True


def own_start(directory: Path, service: Any) -> float:
    """Return the seconds from the start of a service's process, alone, until it answers."""
    ask, services = ask_of(directory, service), StackDirectory(directory).stack.services
    services.stop(service["service"])
    began = time.time()
    services.start_again(service["service"], wait=False)
    while not ask():
        time.sleep(0.01)
    return time.time() - began


def change(directory: Path, service: Any, words: Sequence[str]) -> Change:
    """Change the module of a service and run `doit`; afterwards all is as before."""
    module = Path(service["code"]["directory"], MODULES[service["service"]])
    before = module.read_text(encoding="utf-8")
    with tempfile.NamedTemporaryFile("r") as mark:
        line = f"open({mark.name!r}, 'w').write(str(__import__('time').time()))"
        try:
            with asking(ask_of(directory, service)) as requests:
                used, began = cpu_of(service["pid"]), getrusage(RUSAGE_CHILDREN)
                saved = time.time()
                module.write_text(f"{before}{line}  # {saved}\n", encoding="utf-8")
                run_command([DOIT, *words], directory)
                ended, after = time.time(), getrusage(RUSAGE_CHILDREN)
            imported = _imported(Path(mark.name))
            pid = services(directory)[service["service"]]["pid"]
            used = cpu_of(pid) - (used if pid == service["pid"] else 0)
        finally:
            module.write_text(before, encoding="utf-8")
            run_command([DOIT, "stack"], directory)
    cpu = after.ru_utime + after.ru_stime - began.ru_utime - began.ru_stime
    answered = min((end for begin, end in requests.good if _is_new(begin, end, imported, service)))
    return Change(imported - saved, answered - saved, ended - saved, cpu, used, requests)


def _is_new(began: float, ended: float, imported: float, service: Any) -> bool:
    """Return whether an answer is by code that was imported then; an API keeps requests."""
    return (ended if service["ports"] else began) > imported


def _imported(mark: Path) -> float:
    """Return when the changed module was imported, which is soon if it was not yet."""
    deadline = time.monotonic() + _PATIENCE
    while not (text := mark.read_text()):
        if time.monotonic() > deadline:
            raise BenchError("the changed module was not imported")
        time.sleep(0.1)
    return float(text)


@contextmanager
def asking(ask: Ask) -> Iterator[Requests]:
    """Ask a service from before the block until it answers after it."""
    requests, is_over = Requests(), threading.Event()

    def keep_asking() -> None:
        while not is_over.is_set():
            began = time.time()
            if ask():
                requests.good.append((began, time.time()))
            else:
                requests.refused += 1
            time.sleep(0.05)

    thread = threading.Thread(target=keep_asking)
    thread.start()
    time.sleep(0.5)
    yield requests
    time.sleep(0.5)
    is_over.set()
    thread.join()


def cpu_of(pid: int) -> float:
    """Return the CPU time (s) of a process and of all its children, also those that have ended."""
    process = look_up(pid)
    children = sum(one.cpu for one in all_processes() if one.parent == pid)
    return children + (process.cpu if process else 0)


def row(service: Any, way: str, own: float, changes: Sequence[Change]) -> dict[str, object]:
    answered, is_api = median(one.answered for one in changes), bool(service["ports"])
    is_restarted = not is_api or way != "doit stack"
    return {
        "service": service["service"],
        "by": way,
        "own start s": own,
        "new code s": median(one.imported for one in changes),
        "new answer s": answered,
        "of the promise": answered / (_PROMISE + own * is_restarted),
        "doit ended s": median(one.ended for one in changes),
        "CPU of doit": median(one.cpu for one in changes),
        "of the service": median(one.service_cpu for one in changes),
        "requests": sum(len(one.requests.good) for one in changes) if is_api else "-",
        "refused": sum(one.requests.refused for one in changes) if is_api else "-",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, help="the stack directory")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--services", nargs="+", default=list(MODULES), help="only these")
    options = parser.parse_args()
    rows, before = [], os.getloadavg()[0]
    for name in [name for name in services(options.directory) if name in options.services]:
        taken: dict[str, list[Change]] = {"doit stack": [], "doit restart": []}
        own = []
        for number in range(options.rounds):
            progress(f"{name}, round {number + 1} of {options.rounds}")
            for way, words in (("doit stack", ["stack"]), ("doit restart", ["restart", name])):
                service = services(options.directory)[name]
                taken[way].append(change(options.directory, service, words))
            own.append(own_start(options.directory, service))
        rows += [row(service, way, median(own), changes) for way, changes in taken.items()]
    print(table(rows))
    print(f"load: {before:.0f} at the begin, {os.getloadavg()[0]:.0f} at the end")


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(str(error))
