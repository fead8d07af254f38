"""Keystone from a source tree, which is its source distribution: edited, broken, and as before.

The packages come from the package index, or from uv's cache.
"""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import MakeStackDir, StackDir, user_caches
from tests.e2e.samples import free_ports, needs_packages
from tests.unit.source_repository import git

pytestmark = pytest.mark.timeout(1800)

DISCOVERY = "keystone/api/discovery.py"


@pytest.fixture
def stack(stack_dir: MakeStackDir) -> Iterator[StackDir]:
    """A stack with a Keystone that runs from a tree."""
    made = stack_dir({}, services="key", **user_caches(), **free_ports())
    conf = "[[local|localrc]]\nLIBS_FROM_GIT=keystone\nTREES_FROM_SDIST=True\n"
    (made.path / "local.conf").write_text(conf)
    yield made
    made.run("clean", timeout=300)


def version(port: int) -> str:
    """Return the version that Keystone says it has."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/v3")
    answer = connection.getresponse()
    assert answer.status == 200
    return str(json.loads(answer.read())["version"]["id"])


def status(port: int) -> int:
    """Return the status of an answer of Keystone."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/v3")
    return connection.getresponse().status


@contextmanager
def asked_all_the_time(port: int) -> Iterator[list[str]]:
    """Ask Keystone during the block; yield the list of its different answers, or errors."""
    answers: list[str] = []
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            try:
                answer = version(port)
            except (OSError, http.client.HTTPException, AssertionError) as error:
                answer = repr(error)
            if answer not in answers:
                answers.append(answer)
            time.sleep(0.01)

    thread = threading.Thread(target=ask)
    thread.start()
    yield answers
    is_over.set()
    thread.join()


@pytest.mark.full
def test_tree_that_a_script_changes_is_made_and_runs(stack_dir: MakeStackDir) -> None:
    change = f"sed -i \"s/'v3[.].*'/'v3.77'/\" $KEYSTONE_DIR/{DISCOVERY}"
    script = f'[[ "$1 $2" != "stack install" ]] || {change}\n'
    files = {"extras.d/50-change.sh": script}
    stack = stack_dir(files, services="key", **user_caches(), **free_ports())
    stack.run("stack", timeout=600).ok()
    assert version(int(stack.environ["KEYSTONE_SERVICE_PORT"])) == "v3.77"
    stack.run("clean", timeout=300).ok()
    assert [path.name for path in stack.dest.iterdir()] == ["keystone"]


@pytest.mark.full
def test_edited_keystone_runs_after_the_next_stack(stack: StackDir) -> None:
    stack.run("stack", timeout=600).ok()
    port, tree = int(stack.environ["KEYSTONE_SERVICE_PORT"]), stack.dest / "keystone"
    first = version(port)
    (listed,) = json.loads(stack.run("services", "--json").ok().out)[:1]
    assert listed["code"]["directory"] == str(tree)
    assert listed["code"]["changed"] == []

    edit(tree, f"'{first}'", "'v3.99'")
    with asked_all_the_time(port) as answers:
        second = stack.run("stack", timeout=300).ok()
    assert answers == [first, "v3.99"]
    for step in ("install: keystone: install_keystone", "post-config: keystone: init_keystone"):
        assert f"--> stack {step} (up to date)" in second.out
    pid = pid_of(stack)

    edit(tree, "'v3.99'", "'v3.99' + nothing")
    check_failure(stack, tree)
    assert status(port) == 500
    git(tree, "stash")
    stack.run("stack", timeout=300).ok()
    assert version(port) == first
    assert pid_of(stack) == pid

    edit(tree, "import flask\n", "import flask\nnothing\n")
    check_failure(stack, tree)
    git(tree, "stash")
    stack.run("stack", timeout=300).ok()
    assert version(port) == first


def check_failure(stack: StackDir, tree: Path) -> None:
    """Stack code that fails; the error is that of the user's file, and nothing of ours."""
    failed = stack.run("stack", timeout=300).failed(1).out.partition("FAILED after")[2]
    assert f'File "{tree}/{DISCOVERY}", line ' in failed
    assert "NameError: name 'nothing' is not defined" in failed
    assert "doitstack/" not in failed


def edit(tree: Path, old: str, new: str) -> None:
    path = tree / DISCOVERY
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def pid_of(stack: StackDir) -> int:
    services = json.loads(stack.run("services", "--json").ok().out)
    return next(one["pid"] for one in services if one["service"] == "keystone")


@pytest.fixture
def nova(stack_dir: MakeStackDir) -> Iterator[StackDir]:
    """A stack whose Nova runs from a tree; it has no computes."""
    services = "key,mysql,rabbit,g-api,placement-api,n-api,n-cond,n-sch"
    made = stack_dir({}, services=services, **user_caches(), **free_ports())
    conf = "[[local|localrc]]\nLIBS_FROM_GIT=nova\nTREES_FROM_SDIST=True\n"
    (made.path / "local.conf").write_text(conf)
    yield made
    made.run("clean", timeout=300)


@pytest.mark.full
@needs_packages
def test_edited_nova_is_reloaded_and_its_daemons_restarted(nova: StackDir) -> None:
    nova.run("stack", timeout=1200).ok()
    before, path = pids(nova), nova.dest / "nova/nova/api/openstack/compute/versions.py"
    text = path.read_text()
    assert '"status": "CURRENT"' in text
    path.write_text(text.replace('"status": "CURRENT"', '"status": "EDITED"'))
    nova.run("stack", timeout=600).ok()
    connection = http.client.HTTPConnection("127.0.0.1", int(nova.environ["NOVA_SERVICE_PORT"]))
    connection.request("GET", "/")
    assert b'"EDITED"' in connection.getresponse().read()
    after = pids(nova)
    restarted = {name for name in before if after[name] != before[name]}
    assert restarted == {"n-cond-cell1", "n-sch"}
    path.write_text(text)
    nova.run("restart", "n-sch", timeout=300).ok()
    nova.run("stack", timeout=600).ok()
    assert pids(nova)["n-api"] == before["n-api"]


def pids(stack: StackDir) -> dict[str, int]:
    """Return the processes of the services, but for those of commands."""
    services = json.loads(stack.run("services", "--json").ok().out)
    named = ((one["service"], one["pid"]) for one in services)
    return {name: pid for name, pid in named if pid and not name.startswith("warm-")}
