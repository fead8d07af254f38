"""When the server answers, when the program itself does, and what a call leaves behind."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from doitstack import warm
from doitstack.venvs import Environment
from doitstack.warm import launcher

from .conftest import SCRIPT, Tool, is_gone, plain_environment, until


def started(tool: Tool, *words: str, **options: object) -> "tuple[subprocess.Popen[bytes], int]":
    """Return the client of a call that waits, and the pid that does it."""
    process = tool.popen(*words, **options)  # type: ignore[arg-type]
    assert process.stdout
    pid = int(process.stdout.readline())
    assert pid != process.pid, tool.log.read_text()
    return process, pid


def end(process: "subprocess.Popen[bytes]") -> tuple[int, bytes, bytes]:
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


# -- signals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGALRM"])
def test_a_signal_ends_both(tool: Tool, name: str) -> None:
    process, pid = started(tool, "wait")
    process.send_signal(getattr(signal, name))
    code, _, err = end(process)
    real = tool.popen("wait", program=tool.real)
    assert real.stdout
    real.stdout.readline()
    real.send_signal(getattr(signal, name))
    assert (code, err) == (end(real)[0], err)
    assert code == -getattr(signal, name)
    until(lambda: is_gone(pid))


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_can_be_caught(tool: Tool, name: str) -> None:
    process, _ = started(tool, "catch", name)
    process.send_signal(getattr(signal, name))
    assert end(process)[:2] == (7, b"caught %s\n" % name.encode())


def test_an_ignored_signal_is_ignored_there_too(tool: Tool) -> None:
    process, pid = started(
        tool, "wait", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
    )
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    assert end(process)[0] == -signal.SIGTERM
    until(lambda: is_gone(pid))


def test_a_killed_client_takes_the_command_along(tool: Tool) -> None:
    process, pid = started(tool, "wait")
    process.kill()
    end(process)
    until(lambda: is_gone(pid))
    assert tool.is_warm()


def test_a_killed_command_is_a_killed_client(tool: Tool) -> None:
    process, pid = started(tool, "wait")
    os.kill(pid, signal.SIGKILL)
    assert end(process)[0] == -signal.SIGKILL


def test_stop_and_continue_reach_the_command(tool: Tool) -> None:
    def state(number: int) -> str:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]

    process, pid = started(tool, "wait", process_group=0)
    process.send_signal(signal.SIGTSTP)
    until(lambda: state(process.pid) == "T" and state(pid) == "T")
    process.send_signal(signal.SIGCONT)
    until(lambda: state(pid) != "T")
    process.send_signal(signal.SIGTERM)
    assert end(process)[0] == -signal.SIGTERM


# -- the server ------------------------------------------------------------------------------------


def test_without_a_server_the_program_runs(cold: Tool) -> None:
    assert cold.run("warm").stdout == b"False\n"
    assert cold.run("exit", "4").returncode == 4


def test_a_dead_socket_is_no_obstacle(tool: Tool) -> None:
    tool.stop()
    assert tool.socket.exists()
    assert tool.run("warm").stdout == b"False\n"


def test_a_stuck_server_is_passed_over_and_runs_nothing_later(tool: Tool, tmp_path: Path) -> None:
    assert tool.server
    tool.server.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    assert tool.run("append", str(tmp_path / "file")).returncode == 0
    assert time.monotonic() - began < 20
    tool.server.send_signal(signal.SIGCONT)
    assert tool.is_warm()
    assert (tmp_path / "file").read_text() == "once\n"


def test_a_full_queue_is_passed_over(cold: Tool) -> None:
    cold.socket.parent.mkdir(mode=0o700, exist_ok=True)
    os.chdir(cold.socket.parent)
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as filler:
        listener.bind("tool.sock")
        listener.listen(0)
        filler.connect("tool.sock")
        assert cold.run("warm").stdout == b"False\n"


def test_a_dying_server_fails_the_command_once(tool: Tool, tmp_path: Path) -> None:
    process, pid = started(tool, "mark", str(tmp_path / "file"))
    tool.stop()
    assert end(process)[0] == -signal.SIGKILL
    until(lambda: is_gone(pid))
    assert (tmp_path / "file").read_text() == "once\n"


def test_another_version_is_left_alone(cold: Tool) -> None:
    cold.start(stamp="another")
    assert cold.run("warm").stdout == b"False\n"
    assert "another version" in cold.log.read_text()


def test_an_idle_server_ends(cold: Tool) -> None:
    server = cold.start(idle=0.3)
    assert server.wait(30) == 0
    assert not cold.socket.exists()
    assert cold.run("warm").stdout == b"False\n"


def test_a_running_command_keeps_the_server(cold: Tool) -> None:
    server = cold.start(idle=3.0)
    process, _ = started(cold, "wait")
    time.sleep(3.5)
    assert server.poll() is None
    process.terminate()
    end(process)
    assert server.wait(30) == 0


def test_a_changed_program_is_not_served(tool: Tool) -> None:
    assert tool.is_warm()
    source = tool.bin / "fake_tool.py"
    source.write_text(source.read_text().replace(" in sys.modules)", " in sys.modules, 'anew')"))
    time.sleep(0.06)  # for so long the last look counts
    assert tool.run("warm").stdout == b"False anew\n"
    until(lambda: tool.run("warm").stdout == b"True anew\n", tool.log)
    assert tool.server
    assert tool.server.poll() is None


def test_a_server_that_starts_anew_forgets_what_imports_have_set(cold: Tool) -> None:
    (cold.bin / "fake_tool.py.talks").touch()
    cold.start()
    assert cold.is_warm()
    (cold.bin / "fake_tool.py").touch()
    time.sleep(0.06)  # for so long the last look counts
    assert not cold.is_warm()
    until(cold.is_warm, cold.log)
    env = plain_environment(SET_AT_IMPORT="by the caller")
    assert not cold.is_warm(env=env)
    assert "SET_AT_IMPORT" in cold.log.read_text()


def test_a_program_that_is_gone_is_not_started_anew(tool: Tool) -> None:
    assert tool.is_warm()
    (tool.bin / "python").unlink()
    time.sleep(0.06)  # for so long the last look counts
    assert tool.run("warm").returncode == 127
    assert tool.server
    assert tool.server.wait(30) == 0
    assert not tool.socket.exists()


def test_a_package_that_comes_while_the_program_is_imported_is_seen(cold: Tool) -> None:
    new = cold.bin / "new.py"
    cold.start(setup=f"open({str(new)!r}, 'w').close()")
    assert not cold.is_warm()
    until(cold.is_warm, cold.log)


def test_byte_code_is_no_change(cold: Tool) -> None:
    cold.start(setup=f"import os; os.makedirs({str(cold.bin / '__pycache__')!r}, exist_ok=True)")
    assert cold.is_warm()


def test_a_directory_of_packages_that_comes_later_is_seen(cold: Tool, tmp_path: Path) -> None:
    later = tmp_path / "later"
    cold.start(paths=(str(later),))
    assert cold.is_warm()
    later.mkdir()
    time.sleep(0.06)  # for so long the last look counts
    assert not cold.is_warm()
    until(cold.is_warm, cold.log)


def test_what_was_read_at_import_must_be_the_same(tool: Tool) -> None:
    assert tool.run("import").stdout == b"None\n"
    done = tool.run("import", env=plain_environment(READ_AT_IMPORT="mine"))
    assert done.stdout == b"mine\n"
    assert "READ_AT_IMPORT (fake_tool)" in tool.log.read_text()


def test_a_fresh_module_sees_the_callers_environment(cold: Tool) -> None:
    cold.start(fresh=("fake_tool",))
    env = plain_environment(READ_AT_IMPORT="mine")
    assert cold.run("import", env=env).stdout == b"mine\n"
    assert cold.is_warm(env=env)


def test_calls_share_nothing(tool: Tool) -> None:
    assert [tool.run("count").stdout for _ in range(3)] == [b"1\n"] * 3


def test_rehearsals_leave_modules_alone(cold: Tool) -> None:
    cold.start(rehearsals=(("password",), ("count",)))
    assert cold.run("imported", "getpass").stdout == b"True\n"
    assert cold.run("count").stdout == b"1\n"


def test_the_socket_is_the_owners_alone(tool: Tool) -> None:
    assert stat.S_IMODE(tool.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(tool.socket.parent.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_is_not_served(tool: Tool) -> None:
    for path in (tool.socket, *tool.socket.parents):
        if Path("/tmp") in path.parents:
            path.chmod(0o777)
    probe = f"""if 1:
        import os, socket
        os.setuid(65534)
        with socket.socket(socket.AF_UNIX) as client:
            os.chdir({str(tool.socket.parent)!r})
            client.connect("tool.sock")
            print(client.recv(1))
    """
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, timeout=30, check=True
    )
    assert done.stdout == b"b''\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_users_server_is_not_asked(cold: Tool) -> None:
    cold.socket.parent.mkdir(mode=0o777, exist_ok=True)
    cold.socket.parent.chmod(0o777)
    os.chdir(cold.socket.parent)
    with socket.socket(socket.AF_UNIX) as listener:
        os.seteuid(65534)
        try:
            listener.bind("tool.sock")
            listener.listen()
        finally:
            os.seteuid(0)
        assert cold.run("warm").stdout == b"False\n"
        listener.settimeout(5)
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(1) == b""


def test_descriptors_do_not_pile_up(tool: Tool) -> None:
    assert tool.server
    descriptors = Path(f"/proc/{tool.server.pid}/fd")
    tool.is_warm()
    before = len(list(descriptors.iterdir()))
    for _ in range(5):
        tool.run("exit", "1")
        tool.run("exit", "1", env=plain_environment(PYTHONUTF8="1"))
    assert len(list(descriptors.iterdir())) <= before


def test_long_paths_work(tmp_path: Path) -> None:
    tool = Tool(tmp_path / ("a" * 90) / ("b" * 90))
    Path(tool.real).write_text(SCRIPT.format(python=tool.bin / "python"))
    try:
        tool.start()
        assert tool.is_warm()
    finally:
        tool.stop()


# -- the launcher ----------------------------------------------------------------------------------


def test_the_stamp_follows_the_environment(cold: Tool) -> None:
    before = launcher.stamp(cold.program)
    cold.environment.stamp.write_text("made anew")
    assert launcher.stamp(cold.program) != before


def test_put_replaces_a_link_and_writes_once(cold: Tool) -> None:
    path = Path(cold.client)
    path.unlink()
    path.symlink_to(cold.real)
    warm.put(cold.stack, cold.program)
    assert not path.is_symlink()
    inode = path.stat().st_ino
    warm.put(cold.stack, cold.program)
    assert path.stat().st_ino == inode
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_an_unknown_machine_gets_a_link(cold: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "_SYSTEM_CALLS", {"pdp11": ()})
    warm.put(cold.stack, cold.program)
    assert os.readlink(cold.client) == cold.real
    warm.offer(cold.stack, cold.program)
    assert not (cold.stack.dest / "supervisor").exists()


def test_offer_serves_under_the_stacks_supervisor(cold: Tool) -> None:
    cold.environment.stamp.write_text("made")
    try:
        warm.offer(cold.stack, cold.program)
        until(cold.socket.exists)
        assert cold.is_warm()
        warm.stop(cold.stack, "tool")
        assert not cold.socket.exists()
        assert cold.run("warm").stdout == b"False\n"
    finally:
        cold.stack.services.stop_all()


def test_an_environment_that_is_missing_only_warns(
    cold: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(cold.stack, "say", said.append)
    missing = warm.Program(Environment(cold.stack.dest / "none", ()), "tool")
    try:
        warm.offer(cold.stack, missing, wait=True)
    finally:
        cold.stack.services.stop_all()
    assert "tool is not kept warm" in said[0]
