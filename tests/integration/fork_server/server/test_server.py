"""When the server answers, when the program itself runs, and what a call leaves behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.served_tool import Tool, end, is_gone, plain_environment, started, until


def test_without_a_server_the_program_runs(unserved: Tool) -> None:
    assert unserved.run("served").stdout == b"False\n"
    assert unserved.run("exit", "4").returncode == 4


def test_the_socket_of_a_dead_server_does_not_matter(tool: Tool) -> None:
    tool.stop()
    assert tool.socket.exists()
    assert tool.run("served").stdout == b"False\n"


def test_a_stuck_server_is_passed_over_and_runs_nothing_later(tool: Tool, tmp_path: Path) -> None:
    assert tool.server
    tool.server.send_signal(signal.SIGSTOP)
    assert tool.run("append", str(tmp_path / "file")).returncode == 0
    tool.server.send_signal(signal.SIGCONT)
    assert tool.is_served()
    assert (tmp_path / "file").read_text() == "once\n"


def test_a_full_queue_is_passed_over(unserved: Tool) -> None:
    unserved.socket.parent.mkdir(mode=0o700, exist_ok=True)
    os.chdir(unserved.socket.parent)
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as filler:
        listener.bind("tool.sock")
        listener.listen(0)
        filler.connect("tool.sock")
        assert unserved.run("served").stdout == b"False\n"


def test_a_dying_server_fails_the_command_once(tool: Tool, tmp_path: Path) -> None:
    process, pid = started(tool, "mark", str(tmp_path / "file"))
    tool.stop()
    assert end(process)[0] == -signal.SIGKILL
    until(lambda: is_gone(pid))
    assert (tmp_path / "file").read_text() == "once\n"


def test_an_idle_server_ends(unserved: Tool) -> None:
    server = unserved.start(idle=0.3)
    assert server.wait() == 0
    assert not unserved.socket.exists()
    assert unserved.run("served").stdout == b"False\n"


def test_a_running_command_keeps_the_server(unserved: Tool) -> None:
    for idle in (1.0, 5.0, 25.0):
        server = unserved.start(idle=idle)
        process = unserved.popen("wait")
        assert process.stdout
        if int(process.stdout.readline()) != process.pid:
            break
        process.terminate()  # on a busy machine, the server may have ended before the call
        end(process)
        server.wait()
    time.sleep(idle + 0.5)
    assert server.poll() is None
    process.terminate()
    end(process)
    assert server.wait() == 0


def test_calls_share_nothing(tool: Tool) -> None:
    assert [tool.run("count").stdout for _ in range(3)] == [b"1\n"] * 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_is_not_served(tool: Tool) -> None:
    for path in (tool.socket, tool.socket.parent):
        path.chmod(0o777)
    probe = f"""if 1:
        import os, socket
        os.chdir({str(tool.socket.parent)!r})  # which others cannot reach
        os.setuid(65534)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect("tool.sock")
            print(client.recv(1))
    """
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, check=True)
    assert done.stdout == b"b''\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_users_server_is_not_used(unserved: Tool) -> None:
    unserved.socket.parent.mkdir(mode=0o777, exist_ok=True)
    unserved.socket.parent.chmod(0o777)
    os.chdir(unserved.socket.parent)
    with socket.socket(socket.AF_UNIX) as listener:
        os.seteuid(65534)
        try:
            listener.bind("tool.sock")
            listener.listen()
        finally:
            os.seteuid(0)
        unserved.socket.parent.chmod(0o700)
        assert unserved.run("served").stdout == b"False\n"
        listener.settimeout(250)
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(1) == b""


def test_descriptors_do_not_pile_up(tool: Tool) -> None:
    assert tool.server
    descriptors = Path(f"/proc/{tool.server.pid}/fd")
    tool.is_served()
    before = len(list(descriptors.iterdir()))
    for _ in range(5):
        tool.run("exit", "1")
        tool.run("exit", "1", env=plain_environment(PYTHONUTF8="1"))
    # The last of them is closed after the client has its answer.
    until(lambda: len(list(descriptors.iterdir())) <= before)


def test_a_client_does_not_use_a_directory_open_to_others(tool: Tool) -> None:
    assert tool.is_served()
    tool.socket.parent.chmod(0o750)
    assert tool.run("served").stdout == b"False\n"
