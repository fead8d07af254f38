"""Trees of processes: their members, and how a whole tree is stopped."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from doitstack.processes.tree import (
    FUTURE_MARK,
    Root,
    descendants,
    end_processes,
    environ_of,
    is_running,
    look_up,
    open_pidfd,
    stop,
    tree,
)
from tests.integration.probes import is_dead, wait_until

TREE = """
import os, signal, subprocess, sys, time
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
children = [
    subprocess.Popen(["sleep", "600"]),
    subprocess.Popen(["sleep", "600"], start_new_session=True),
    subprocess.Popen(["sh", "-c", "sleep 600 & sleep 600"], process_group=0),
]
orphan = subprocess.Popen(
    ["sh", "-c", "setsid sleep 601 & echo $!"], start_new_session=True, stdout=subprocess.PIPE)
print(int(orphan.stdout.readline()), flush=True)
orphan.stdout.close()
orphan.wait()
time.sleep(600)
"""


class Tree:
    """A process with children of all kinds, and an orphan that only its mark gives away."""

    def __init__(self, *words: str) -> None:
        self.mark = f"test:{os.urandom(8).hex()}"
        self.process = subprocess.Popen(
            [sys.executable, "-c", TREE, *words],
            env={**os.environ, FUTURE_MARK: self.mark},
            stdout=subprocess.PIPE,
            process_group=0,
        )
        assert self.process.stdout
        self.orphan = int(self.process.stdout.readline())
        self.root = Root(self.process.pid, self.mark)
        wait_until(lambda: len(self.members()) == 7, "the whole tree")

    def members(self) -> set[int]:
        """Return all that carry the mark."""
        wanted = f"{FUTURE_MARK}={self.mark}".encode()
        found = set()
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if wanted in path.read_bytes().split(b"\0") and not is_dead(int(path.parts[2])):
                    found.add(int(path.parts[2]))
            except OSError:
                continue
        return found

    def close(self) -> None:
        """End what is left."""
        for pid in self.members():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()


@pytest.fixture
def polite() -> Iterator[Tree]:
    """A tree that ends at TERM."""
    made = Tree()
    yield made
    made.close()


@pytest.fixture
def stubborn() -> Iterator[Tree]:
    """A tree whose first process ignores TERM."""
    made = Tree("stubborn")
    yield made
    made.close()


def test_tree_has_children_groups_and_marked_orphans(polite: Tree) -> None:
    assert tree([polite.root]) == polite.members()
    assert tree([Root(polite.process.pid)]) == polite.members() - {polite.orphan}
    assert tree([Root(0, polite.mark)]) == polite.members()


def test_descendants_are_found_by_their_parents(polite: Tree) -> None:
    pid = polite.process.pid
    children = {child.pid for child in psutil.Process(pid).children(recursive=True)}
    assert descendants(pid) == {pid, *children}
    assert polite.orphan not in descendants(pid)
    assert descendants(pid, polite.orphan) >= {pid, *children, polite.orphan}
    assert descendants() == set()


def test_environment_of_a_process_is_its_whole_or_nothing_without_a_mark() -> None:
    process = subprocess.Popen(["sleep", "600"], env={"FIRST": "1=2", "LAST": ""})
    try:
        expected = {"FIRST": "1=2", "LAST": ""}
        wait_until(lambda: environ_of(process.pid), "its exec")
        assert environ_of(process.pid) == environ_of(process.pid, "LAST", "OTHER") == expected
        assert environ_of(process.pid, "OTHER") == {}
    finally:
        process.kill()
        process.wait()


def test_environment_without_variables_is_empty() -> None:
    process = subprocess.Popen(["sleep", "600"], env={})
    try:
        assert environ_of(process.pid) == {}
    finally:
        process.kill()
        process.wait()


def test_tree_of_nothing_is_empty() -> None:
    assert (
        tree([]) == tree([Root(0)]) == tree([Root(1)]) == tree([Root(0, "no-such-mark")]) == set()
    )


def test_tree_never_holds_ourselves() -> None:
    assert os.getpid() not in tree([Root(os.getpid())])


def test_stop_ends_the_whole_tree_by_term(polite: Tree) -> None:
    stop([polite.root], grace=250)
    assert polite.members() == set()
    assert polite.process.wait() == -signal.SIGTERM


def test_stop_kills_a_process_that_ignores_term_after_the_grace(stubborn: Tree) -> None:
    stop([stubborn.root], grace=0.2)
    assert stubborn.members() == set()
    assert stubborn.process.wait() == -signal.SIGKILL


def test_stop_without_grace_kills(polite: Tree) -> None:
    stop([polite.root], grace=0)
    assert polite.members() == set()
    assert polite.process.wait() == -signal.SIGKILL


def test_stop_of_an_ended_process_returns_at_once() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    stop([Root(gone.pid), Root(0)])
    assert look_up(gone.pid) is None


def test_process_is_identified_by_its_start_time() -> None:
    us = look_up(os.getpid())
    assert us
    assert us.parent == os.getppid()
    assert us.group == os.getpgid(0)
    assert is_running(us.pid, us.started)
    assert not is_running(us.pid, us.started + 1)


def test_zombie_does_not_run() -> None:
    child = subprocess.Popen(["true"])
    wait_until(lambda: is_dead(child.pid), "its end")
    zombie = look_up(child.pid)
    assert zombie
    assert zombie.is_zombie
    assert not is_running(child.pid, zombie.started)
    child.wait()
    assert look_up(child.pid) is None
    assert open_pidfd(child.pid) is None


def test_name_with_brackets_and_spaces_is_read(tmp_path: Path) -> None:
    program = tmp_path / "a) (b c"
    program.symlink_to("/bin/sleep")
    child = subprocess.Popen([program, "600"])
    try:
        wait_until(lambda: b"600" in Path(f"/proc/{child.pid}/cmdline").read_bytes(), "its exec")
        process = look_up(child.pid)
        assert process
        assert process.parent == os.getpid()
    finally:
        child.kill()
        child.wait()


def test_single_processes_are_ended_and_the_stubborn_killed() -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print(1, flush=True); time.sleep(600)"
    )
    for grace in (0.2, 5, 50):
        with (
            subprocess.Popen(["sleep", "600"]) as quick,
            subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE) as slow,
        ):
            assert slow.stdout
            slow.stdout.readline()
            assert end_processes([quick.pid, slow.pid], grace=grace) == set()
        assert slow.returncode == -signal.SIGKILL
        # On a busy machine, it may have had no time to end by itself.
        if quick.returncode != -signal.SIGKILL:
            break
    assert quick.returncode == -signal.SIGTERM


def test_process_that_may_not_be_signalled_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_fd: int, _number: int) -> None:
        raise PermissionError

    with subprocess.Popen(["sleep", "600"]) as process:
        with monkeypatch.context() as patched:
            patched.setattr(signal, "pidfd_send_signal", refuse)
            assert end_processes([process.pid], grace=0.01) == {process.pid}
        process.kill()


@pytest.mark.parametrize("pid", [-5, 0, 1 << 22, 1 << 40])
def test_number_that_is_no_process_has_no_handle(pid: int) -> None:
    assert open_pidfd(pid) is None


def test_process_of_another_user_that_calls_itself_like_a_forked_one_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "open('/proc/self/comm', 'w').write('future-4194303'); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        child.stdout.readline()
        assert tree([Root(4194303)]) == {child.pid}
        mine = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
        assert tree([Root(4194303)]) == set()
        child.communicate(b"\n")
