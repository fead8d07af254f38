"""The namespaces of the node, made for real where we may."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from doitstack.errors import ServiceError
from doitstack.stack import Stack
from doitstack_plugins.libvirt import node
from tests.integration.probes import wait_until
from tests.unit.plugins.libvirt.stacks import make_guests
from tests.unit.recorded_actions import RecordedActions

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces and mounts are root's")
WATCHED = ("/run", "/var/lib", "/var/cache", "/var/log", "/etc")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack whose node is ended after the test."""
    made = make_guests(tmp_path, LOCAL_HOSTNAME="somewhere")
    with made.acting(RecordedActions(lambda program: None)):
        yield made
        node.stop(made)
        made.services.stop_all()


def seen_outside() -> tuple[str, list[list[str]]]:
    mounts = Path("/proc/self/mounts").read_text()
    return mounts, [sorted(os.listdir(path)) for path in WATCHED]


def in_node(stack: Stack, script: str) -> str:
    command = [*node.command(stack), "sh", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@needs_root
def test_node_has_directories_of_its_own_and_touches_none_of_the_system(stack: Stack) -> None:
    before = seen_outside()
    node.start(stack)
    assert in_node(stack, "hostname; getent hosts somewhere").split()[0] == "somewhere"
    in_node(stack, "echo mine > /etc/libvirt/here; echo mine > /var/lib/libvirt/here")
    assert (node.place(stack, "etc/libvirt/here")).read_text() == "mine\n"
    assert in_node(stack, "id -u libvirt-qemu") == "64055"
    assert seen_outside() == before
    node.stop(stack)
    assert seen_outside() == before
    assert list(node.processes(stack)) == []


@needs_root
def test_sockets_are_those_of_the_network_of_guests(stack: Stack) -> None:
    node.start(stack)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = f":{server.getsockname()[1]:04X} "
        assert port in node.sockets(stack).read_text()


@needs_root
def test_what_was_left_in_the_node_is_ended_with_it(stack: Stack) -> None:
    node.start(stack)
    guest = subprocess.Popen([*node.command(stack), "setsid", "sleep", "600"], env={})
    wait_until(lambda: guest.pid in node.processes(stack), "its entry into the node")
    stack.services.stop_all()
    assert guest.pid in node.processes(stack)
    node.stop(stack)
    assert guest.wait() < 0


@needs_root
def test_a_second_start_keeps_the_node_and_its_files(stack: Stack) -> None:
    node.start(stack)
    command = node.command(stack)
    in_node(stack, "touch /run/libvirt/guest.pid")
    node.start(stack)
    assert node.command(stack) == command
    node.stop(stack)
    node.start(stack)
    assert in_node(stack, "ls /run/libvirt") == ""


def test_nothing_can_be_run_in_a_node_that_is_not_there(tmp_path: Path) -> None:
    stack = make_guests(tmp_path)
    with stack.acting(RecordedActions(lambda program: None)), pytest.raises(ServiceError):
        node.command(stack)


def test_directories_that_the_node_would_not_see_are_known() -> None:
    assert node.is_hidden(Path("/var/lib/stack"))
    assert not node.is_hidden(Path("/var/libvirt"))


def test_only_loop_devices_that_go_with_their_mounts_are_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, autoclear in enumerate("10"):
        place = tmp_path / f"loop{number}" / "loop"
        place.mkdir(parents=True)
        (place / "backing_file").write_text(f"file{number}\n")
        (place / "autoclear").write_text(f"{autoclear}\n")
    monkeypatch.setattr(node, "_BLOCKS", tmp_path)
    assert list(node._loop_files()) == ["file0\n"]
