"""The process of a session and its pipes, with a real bash."""

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from doitstack.bash.bash_process import BashProcess, SessionPlace
from doitstack.bash.protocol import decode_variables, encode_command
from doitstack.processes.event_loop import EventLoop
from doitstack.processes.tree import environ_of


class Process:
    """A process in a directory, and what it has called."""

    def __init__(self, path: Path) -> None:
        self.loop = EventLoop()
        self.output = b""
        self.has_ended = False
        self.log = path / "log"
        (path / "async").mkdir()
        variables = {"DEST": str(path), "TOP_DIR": str(path)}
        with self.log.open("wb") as log:
            place = SessionPlace(log.fileno(), path, "run-1", variables, None)
            self.process = BashProcess(place, self.loop, self._read, self._end)

    def _read(self) -> None:
        self.output += b"".join(self.process.read())

    def _end(self) -> None:
        self.has_ended = True
        self.code = self.process.wait()

    def run(self, command: str) -> None:
        done = self.output.count(b"done\0") + 1
        self.process.send_command(encode_command(command))
        assert self.loop.run_until(lambda: self.output.count(b"done\0") == done, timeout=250)


@pytest.fixture
def bash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    made = Process(tmp_path)
    yield made
    made.process.close()
    made.loop.close()


def test_command_writes_to_the_log_and_dumps_its_variables(bash: Process) -> None:
    bash.run("one=1; echo out; echo err >&2")
    assert bash.log.read_text() == "out\nerr\n"
    assert decode_variables(bash.process.variables())["one"] == "1"


def test_limit_of_descriptors_that_is_too_low_for_bash_is_named(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        with pytest.raises(OSError, match=r"Too many open files: bash needs more than 230 \(`ulim"):
            Process(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_process_leads_a_group_and_has_no_function_of_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASH_FUNC_greet%%", "() { echo hi; }")
    bash = Process(tmp_path)
    bash.run("type -t greet || echo none")
    assert bash.log.read_text() == "none\n"
    assert os.getpgid(bash.process.pid) == bash.process.pid
    bash.process.close()
    bash.loop.close()


@pytest.mark.parametrize("of_the_user", ["", "glibc.malloc.tcache_count=7"])
def test_tunables_of_bash_are_not_for_its_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of_the_user: str
) -> None:
    if of_the_user:
        monkeypatch.setenv("GLIBC_TUNABLES", of_the_user)
    bash = Process(tmp_path)
    bash.run("printenv GLIBC_TUNABLES || true")
    environ = Path(f"/proc/{bash.process.pid}/environ").read_text().split("\0")
    assert f"GLIBC_TUNABLES={of_the_user or 'glibc.malloc.tcache_count=0'}" in environ
    assert bash.log.read_text().rstrip("\n") == of_the_user
    bash.process.close()
    bash.loop.close()


def test_process_has_no_mark_of_the_step_that_starts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOITSTACK_FUTURE", "run:(program 1)")
    bash = Process(tmp_path)
    assert "DOITSTACK_FUTURE" not in environ_of(bash.process.pid)
    bash.process.close()
    bash.loop.close()


def test_process_ends_without_another_command(bash: Process) -> None:
    bash.process.close_commands()
    assert bash.loop.run_until(lambda: bash.has_ended, timeout=250)
    assert not bash.process.is_alive
    assert bash.code == 0


def test_answer_for_a_shell_that_is_gone_is_dropped(bash: Process) -> None:
    os.kill(bash.process.pid, signal.SIGKILL)
    os.waitid(os.P_PID, bash.process.pid, os.WEXITED | os.WNOWAIT)
    bash.process.send_answer("", b"0\0\0\0")


def test_answer_for_a_subshell_that_is_gone_is_dropped(bash: Process, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    bash.process.send_answer(str(pipe), b"0\0\0\0")
    bash.process.send_answer(str(tmp_path / "none"), b"0\0\0\0")


def test_close_releases_the_descriptors(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    bash = Process(tmp_path)
    bash.process.close()
    bash.loop.close()
    assert len(os.listdir("/proc/self/fd")) == before
