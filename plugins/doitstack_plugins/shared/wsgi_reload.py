"""Reload WSGI services whose code is in source trees: new workers, within a second.

uWSGI's master imports what the application needs from outside of the trees. A new worker is a fork
of it, and imports the rest. The master itself must not be reloaded: pyuwsgi does not survive that.
"""

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from doitstack.processes.tree import all_processes, look_up
from doitstack.uptodate import digest
from doitstack.venvs import Environment

_MERCY = 10.0
"""Seconds in which a worker may end its request."""

_LOOK_AGAIN = 0.01

_PRELOAD = Path(__file__).with_name("wsgi_master") / "doitstack_preload.py"


def options() -> list[str]:
    """Return uWSGI's options with which `reload_workers` works for code of trees."""
    # A worker ends in milliseconds: it waits for no threads of libraries, which look only once a
    # second whether to end, and destroys no objects one by one.
    at_end = ["--skip-atexit", "--skip-atexit-teardown"]
    return [*at_end, "--shared-pyimport=doitstack_preload"]


def environ(name: str, module: str, environment: Environment) -> dict[str, str]:
    """Return variables that say what the master of the service `name` imports."""
    trees = [str(tree.directory) for tree in environment.installed_trees.used()]
    made_from = digest(environment.digest(), module, _PRELOAD.read_text(encoding="utf-8"))
    return {
        "DOITSTACK_PRELOAD_MODULE": module.partition(":")[0],
        "DOITSTACK_PRELOAD_TREES": os.pathsep.join(trees),
        "DOITSTACK_PRELOAD_LIST": str(environment.path / f"preload-{name}-{made_from[:16]}.json"),
    }


def reload_workers(master: int) -> None:
    """Let each worker end after its request, and the master start new ones.

    Requests that come meanwhile wait in the queue of the socket. Returns when the master has taken
    note of the end of the old workers, so that the next answer comes from the new code.
    """
    workers = [one.pid for one in all_processes() if one.parent == master and not one.is_zombie]
    _send(signal.SIGHUP, workers)
    deadline = time.monotonic() + _MERCY
    while left := [one for one in map(look_up, workers) if one and one.parent == master]:
        if any(one.is_zombie for one in left):
            # The master looks for ended workers once a second, and after each signal; this one is
            # harmless. It finds none whose threads have not all ended, so it is told again.
            _send(signal.SIGUSR1, [master])
        elif time.monotonic() > deadline:
            _send(signal.SIGKILL, [one.pid for one in left])
        time.sleep(_LOOK_AGAIN)


def _send(number: int, pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
