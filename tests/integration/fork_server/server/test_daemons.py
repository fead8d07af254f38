"""Programs that run for long as forks of the server: what they are like, and how they end."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import fork_server
from tests.served_tool import Tool, end, is_gone, plain_environment, until


class Daemon(Tool):
    """The program `daemon` of the same environment, by its client, once it has started."""

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        self.program = self.bin / "daemon"
        self.program.write_text(Path(self.real).read_text())
        self.program.chmod(0o755)
        fork_server.install_client(self.options, Path(self.client), for_daemons=True)

    def launch(self, *words: str, **options: object) -> "subprocess.Popen[bytes]":
        self.process = self.popen(str(self.program), *words, **options)
        assert self.process.stdout
        self.pid = int(self.process.stdout.readline())
        return self.process

    @property
    def keeper(self) -> int:
        return int(stat_fields(self.pid)[1])


def stat_fields(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path / "st'ack")
    yield made
    made.stop()
    with suppress(AttributeError):
        made.process.kill()
        made.process.communicate()


@pytest.fixture
def running(daemon: Daemon) -> Daemon:
    daemon.start()
    daemon.launch("wait")
    assert daemon.pid != daemon.process.pid
    return daemon


REPLACEMENTS = """
import os, select, socket
def refuse(*_):
    raise AssertionError
os.waitpid = select.poll = socket.socket = refuse
"""


def test_what_the_program_replaces_in_python_does_not_matter_to_the_server(daemon: Daemon) -> None:
    daemon.start(setup=REPLACEMENTS)
    daemon.launch("wait")
    assert daemon.pid != daemon.process.pid
    daemon.process.terminate()
    assert end(daemon.process)[0] == -signal.SIGTERM
    assert "left to the real command" not in daemon.log.read_text()


def test_it_outlives_the_server(running: Daemon) -> None:
    running.stop()
    assert not is_gone(running.pid)
    running.process.terminate()
    assert end(running.process)[0] == -signal.SIGTERM
    until(lambda: is_gone(running.pid))


def test_it_outlives_a_signal_to_the_servers_group(running: Daemon) -> None:
    assert running.server
    os.killpg(running.server.pid, signal.SIGKILL)
    running.server.wait()
    assert not is_gone(running.pid)
    assert running.process.poll() is None


def test_it_ends_with_its_own_code_when_the_server_is_gone(daemon: Daemon) -> None:
    daemon.start()
    process = daemon.launch("catch", "SIGTERM")
    daemon.stop()
    process.terminate()
    assert end(process)[:2] == (7, b"caught SIGTERM\n")


def test_a_killed_daemon_ends_its_client_in_the_same_way(running: Daemon) -> None:
    keeper = running.keeper
    os.kill(running.pid, signal.SIGSEGV)
    assert end(running.process)[0] == -signal.SIGSEGV
    until(lambda: is_gone(keeper))


def test_a_killed_client_takes_it_along(running: Daemon) -> None:
    keeper = running.keeper
    running.process.kill()
    until(lambda: is_gone(running.pid) and is_gone(keeper))


def test_a_killed_keeper_takes_it_along(running: Daemon) -> None:
    os.kill(running.keeper, signal.SIGKILL)
    assert end(running.process)[0] == -signal.SIGKILL
    until(lambda: is_gone(running.pid))


def test_a_server_serves_on_and_ends_when_it_is_idle(daemon: Daemon) -> None:
    server = daemon.start(idle=0.3)
    daemon.launch("wait")
    assert server.wait() == 0
    assert not is_gone(daemon.pid)


def test_without_a_server_it_runs_by_itself(daemon: Daemon) -> None:
    assert daemon.launch("wait").pid == daemon.pid


def test_it_is_the_program_in_the_list_of_processes(daemon: Daemon) -> None:
    daemon.start()
    variables = {**plain_environment(), "MARK": "of the caller"}
    process = subprocess.Popen(
        [daemon.client, daemon.program, "wait"], stdout=subprocess.PIPE, env=variables
    )
    daemon.process = process
    assert process.stdout
    daemon.pid = int(process.stdout.readline())
    for pid in (daemon.pid, daemon.keeper):
        place = Path(f"/proc/{pid}")
        words = (place / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        assert words[1:] == [os.fsencode(daemon.program), b"wait"]
        assert (place / "comm").read_text() == "daemon\n"
        assert b"MARK=of the caller" in (place / "environ").read_bytes().split(b"\0")


def test_its_own_programs_get_its_variables(daemon: Daemon) -> None:
    daemon.start()
    variables = {**plain_environment(), "MARK": "of the caller", "LONG": "x" * 20000}
    state = daemon.run(str(daemon.program), "state", env=variables).stdout
    assert b'"getenv": "of the caller\\n"' in state
    assert os.fsencode(f'"argv": [\n  "{daemon.program}"') in state


def test_it_has_no_descriptors_of_other_calls(running: Daemon) -> None:
    other = running.popen(str(running.program), "wait")
    try:
        assert other.stdout
        pid = int(other.stdout.readline())
        running.process.kill()
        until(lambda: is_gone(running.pid))
        os.kill(pid, signal.SIGTERM)
        # It would wait for all that have its pipes open.
        assert end(other)[0] == -signal.SIGTERM
    finally:
        other.kill()


def test_a_program_of_another_environment_runs_by_itself(daemon: Daemon, tmp_path: Path) -> None:
    daemon.start()
    other = tmp_path / "other"
    other.write_text(f"#!{daemon.bin}/python\nimport sys; print('_fork_server' in sys.modules)\n")
    other.chmod(0o755)
    assert daemon.run(str(other)).stdout == b"False\n"
    assert "a program of another environment" in daemon.log.read_text()
