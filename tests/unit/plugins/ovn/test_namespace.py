"""The network of a stack, really made, and what is left of it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from doitstack.stack import Stack
from doitstack_plugins.ovn import daemons, namespace
from doitstack_plugins.ovn.places import root
from tests.namespaces import needs_ip, needs_namespaces
from tests.unit.plugins.ovn.stacks import make_ovn
from tests.unit.recorded_actions import RecordedActions


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Stack]:
    stack = make_ovn(tmp_path)
    with stack.acting(RecordedActions(lambda program: None)):
        namespace.start(stack)
        yield stack
        stack.stop_all()


def output(*words: str | Path) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


@needs_ip
@needs_namespaces
def test_commands_enter_the_network_or_see_it(started: Stack, tmp_path: Path) -> None:
    enter, see = namespace.enter(started), namespace.see(started)
    here = os.readlink("/proc/self/ns/net")
    there = output(enter, "readlink", "/proc/self/ns/net")
    assert there != here
    assert output(see, "readlink", "/proc/self/ns/net") == here
    output(enter, "ip", "link", "add", "card", "type", "veth", "peer", "name", "other")
    for script in (enter, see):
        assert output(script, "ls", "/sys/class/net").split() == ["card", "lo", "other"]
        assert output(script, "ls", "/run/netns") == "stack"
    assert output(see, "ip", "netns", "exec", "stack", "readlink", "/proc/self/ns/net") == there
    assert not Path("/sys/class/net/card").exists()
    assert output(enter, "sh", "-c", "echo $PATH").endswith(":/usr/sbin:/sbin")
    done = subprocess.run([enter, "pwd"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == f"{tmp_path}\n"


@needs_ip
@needs_namespaces
def test_another_start_keeps_the_network(started: Stack) -> None:
    before = namespace.generation(started)
    namespace.start(started)
    assert namespace.generation(started) == before
    assert before.startswith(f"{namespace.holder(started)} net:[")


@needs_ip
@needs_namespaces
def test_futures_may_start_it_at_once(tmp_path: Path) -> None:
    stack = make_ovn(tmp_path)
    with stack.acting(RecordedActions(lambda program: None)):
        with ThreadPoolExecutor() as pool:
            for future in [pool.submit(namespace.start, stack) for _ in range(4)]:
                future.result()
        assert output(namespace.enter(stack), "echo", "there") == "there"
        stack.stop_all()


@needs_ip
@needs_namespaces
def test_the_end_of_a_stack_leaves_the_namespaces_of_others(started: Stack, tmp_path: Path) -> None:
    other = make_ovn(tmp_path / "other")
    with other.acting(RecordedActions(lambda program: None)):
        namespace.start(other)
        daemons.stop(other)
        other.stop_all()
    output(namespace.enter(started), "ip", "netns", "add", "mine")
    assert not Path("/run/netns/mine").exists()
    assert "mine" in output(namespace.see(started), "ls", "/run/netns").split()


@needs_ip
@needs_namespaces
def test_nothing_is_entered_once_its_holder_has_ended(started: Stack) -> None:
    os.kill(int(namespace.holder(started)), signal.SIGKILL)
    started.stop_all()
    # Another process has its pid now.
    holder = root(started) / "holder"
    holder.write_text(holder.read_text().replace(namespace.holder(started), str(os.getpid())))
    done = subprocess.run(
        [namespace.enter(started), "true"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "to start it: doit stack" in done.stderr


def test_the_scripts_fail_where_nothing_was_started(tmp_path: Path) -> None:
    stack = make_ovn(tmp_path)
    root(stack).mkdir(parents=True)
    namespace._write_scripts(stack)
    done = subprocess.run(
        [namespace.see(stack), "true"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "does not run" in done.stderr) == (1, True)
