"""What Linux does for one process."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

from doitstack.processes.prctl import adopt_orphans, die_with_parent, set_name, take_family_name
from doitstack.processes.tree import family_name


def in_child(function: Callable[[], object]) -> tuple[int, bytes]:
    """Call `function` in a forked child; return the child's pid and its name after that."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        function()
        os.write(write, Path("/proc/self/comm").read_bytes())
        os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        name = pipe.read()
    os.waitpid(pid, 0)
    return pid, name


def test_process_has_the_name_that_it_takes() -> None:
    assert in_child(lambda: set_name(b"doit-watchdog"))[1] == b"doit-watchdog\n"


def test_family_name_is_that_of_the_process() -> None:
    pid, name = in_child(take_family_name)
    assert name == family_name(pid) + b"\n"


def test_process_dies_with_its_parent() -> None:
    read, write = os.pipe()
    parent = os.fork()
    if parent == 0:
        us = os.getpid()
        if os.fork() == 0:
            die_with_parent(us)
            os.write(write, b"ready")
            signal.pause()
        signal.pause()
    os.close(write)
    with open(read, "rb") as pipe:
        assert pipe.read(5) == b"ready"
        os.kill(parent, signal.SIGKILL)
        os.waitpid(parent, 0)
        assert pipe.read() == b"", "nobody has the other end any more"


def test_process_whose_parent_is_gone_does_not_go_on() -> None:
    assert in_child(lambda: die_with_parent(1 << 22))[1] == b""


def test_process_is_the_parent_of_its_orphans() -> None:
    def adopted() -> None:
        adopt_orphans()
        reader, writer = os.pipe()
        if os.fork() == 0:
            if os.fork() == 0:
                os.write(writer, b"%d" % os.getpid())
            os._exit(0)
        os.wait()
        orphan = int(os.read(reader, 20))
        if os.wait()[0] == orphan:
            set_name(b"its parent")

    assert in_child(adopted)[1] == b"its parent\n"
