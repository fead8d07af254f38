"""Workers end and are made anew, by a master of our own; uWSGI itself is tested end to end."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from doitstack.processes.tree import look_up
from doitstack.venvs import Environment
from doitstack_plugins.shared import wsgi_reload
from tests.unit.source_repository import make_repository
from tests.unit.test_installed_trees import environment as with_trees

MASTER = """
import os, signal, sys, time

def worker():
    signal.signal(signal.SIGHUP, sys.argv[1] == "stubborn" and signal.SIG_IGN or signal.SIG_DFL)
    print(os.getpid(), flush=True)
    time.sleep(1000)

looks = []
signal.signal(signal.SIGUSR1, lambda *_: looks.append(1))
if os.fork() == 0:
    worker()
# As uWSGI does it if a thread of the worker has not ended yet, it finds nothing at the first look.
while len(looks) < 2:
    signal.pause()
os.wait()
print("ended", flush=True)
signal.pause()
"""


def start_master(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", MASTER, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.fixture(params=["obedient", "stubborn"])
def master(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[subprocess.Popen[str]]:
    """A master with a worker that ends by SIGHUP, or that does not end in time."""
    monkeypatch.setattr(wsgi_reload, "_MERCY", 0.1 if request.param == "stubborn" else 1000)
    with start_master(request.param) as made:
        yield made
        made.send_signal(signal.SIGKILL)


def test_workers_end_and_the_master_is_woken_until_it_notices(
    master: subprocess.Popen[str],
) -> None:
    assert master.stdout
    worker = int(master.stdout.readline())
    wsgi_reload.reload_workers(master.pid)
    assert look_up(worker) is None
    assert master.stdout.readline() == "ended\n"


def test_master_gets_the_places_of_the_trees_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("app", "another"):
        make_repository(tmp_path / name)
    trees = with_trees(tmp_path, "app", "another").trees
    made = Environment(tmp_path / "venv", ("app",), trees=trees)
    variables = wsgi_reload.environ("n-api", "app.wsgi:application", made)
    assert variables["DOITSTACK_PRELOAD_MODULE"] == "app.wsgi"
    assert variables["DOITSTACK_PRELOAD_TREES"] == str(tmp_path / "app")
    assert Path(variables["DOITSTACK_PRELOAD_LIST"]).match(f"{made.path}/preload-n-api-*.json")
    # Another version of us may find other modules.
    monkeypatch.setattr(wsgi_reload, "_PRELOAD", Path(__file__))
    later = wsgi_reload.environ("n-api", "app.wsgi:application", made)
    assert later["DOITSTACK_PRELOAD_LIST"] != variables["DOITSTACK_PRELOAD_LIST"]
