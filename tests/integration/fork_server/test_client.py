"""A call by the server is as a call of the program itself."""

import json
import os
import pty
import resource
import signal
import subprocess
import termios
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.served_tool import Tool, end, is_gone, plain_environment, started, until


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    """One server for all calls: no test here stops it or changes its program."""
    made = Tool(tmp_path_factory.mktemp("client") / "st'ack")
    made.install()
    made.start()
    yield made
    made.stop()


def state(outcome: Any) -> dict[str, Any]:
    code, out, err = outcome
    assert code == 0, err
    return dict(json.loads(out))


def same_state(tool: Tool, *words: str, **options: Any) -> dict[str, Any]:
    mine, real = tool.both("state", *words, **options)
    assert state(mine) == state(real)
    return state(mine)


def test_arguments_come_as_they_are(tool: Tool) -> None:
    words = ("", "a b", "ü", "-x", "'\"$`\\", "line\nbreak", "\udcff")
    assert same_state(tool, *words)["argv"][2:] == [*words]


def test_environment_is_the_callers_alone(tool: Tool) -> None:
    env = plain_environment(MARK="mine", EMPTY="", OS_CLOUD="devstack", ODD="a=b\nc")
    env["BASH_FUNC_f%%"] = "() { :; }"
    found = same_state(tool, env=env)
    assert found["getenv"] == "mine\n"
    assert found["environ"]["OS_CLOUD"] == "devstack"


@pytest.mark.parametrize(
    "variables",
    [
        {"LANG": "C.UTF-8"},
        {"LC_CTYPE": "C.UTF-8"},
        {"LANG": "C"},
        {"LC_ALL": "C"},
        {"LC_ALL": "xx_YY.UTF-8"},
        {"PYTHONUNBUFFERED": "1"},
        {"PYTHONDONTWRITEBYTECODE": "1"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONUTF8": "1"},
        {"PERL5LIB": "/nonexistent", "PERL_UNICODE": "SDA"},
    ],
    ids=str,
)
def test_streams_follow_the_locale(tool: Tool, variables: dict[str, str]) -> None:
    same_state(tool, "ü", env=plain_environment(**variables))


def test_place_and_masks_are_the_callers(tool: Tool, tmp_path: Path) -> None:
    found = same_state(tool, cwd=tmp_path, umask=0o027)
    assert found["cwd"] == str(tmp_path)
    assert found["umask"] == 0o027


def test_limits_and_signals_are_the_callers(tool: Tool) -> None:
    def prepare() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, 600))
        os.nice(3)
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])

    found = same_state(tool, preexec_fn=prepare)
    assert found["int"] == str(signal.SIG_IGN)
    assert found["files"] == [512, 600]
    assert found["blocked"] == [signal.SIGUSR1]


def test_other_descriptors_are_there_too(tool: Tool, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"by descriptor")
    for program in (tool.client, tool.real):
        with (tmp_path / "data").open() as file:
            number = file.fileno()
            done = tool.run("cat", str(number), program=program, pass_fds=[number])
        assert done.stdout == b"by descriptor"


def test_standard_descriptors_may_be_closed(tool: Tool) -> None:
    for closing in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        ends = [
            subprocess.run(
                ["sh", "-c", f'"$0" exit 5 {closing}', program],
                env=plain_environment(),
                check=False,
            ).returncode
            for program in (tool.client, tool.real)
        ]
        assert ends[0] == ends[1] == 5


def test_a_limit_of_file_sizes_is_the_commands_alone(tool: Tool) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    mine, real = tool.both("exit", "5", preexec_fn=limit)
    assert mine == real
    assert mine[0] == 5


def test_a_directory_that_is_gone_is_left_to_the_real_command(tool: Tool, tmp_path: Path) -> None:
    script = 'mkdir gone; cd gone; rmdir ../gone; exec "$0" served'
    done = tool.run("-c", script, tool.client, program="/bin/sh", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"False\n")


def test_binary_input_goes_through(tool: Tool) -> None:
    data = os.urandom(3 << 20)
    mine, real = tool.both("cat", input=data)
    assert mine == real
    assert mine[1] == data


def test_output_comes_as_it_is_written(tool: Tool) -> None:
    done = tool.run("both", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.stdout == b"out\nerr\n" * 3


@pytest.mark.parametrize(
    "words",
    [
        ("exit", "0"),
        ("exit", "3"),
        ("exit", "256"),
        ("exit", "-1"),
        ("words",),
        ("raise",),
        ("threads",),
        ("die", "SIGTERM"),
        ("die", "SIGKILL"),
        ("die", "SIGABRT"),
        ("die", "SIGINT"),
        ("die", "SIGUSR1"),
        ("die", "SIGXCPU"),
        ("nosuch",),
        (),
    ],
    ids=" ".join,
)
def test_ends_are_the_same(tool: Tool, words: tuple[str, ...]) -> None:
    mine, real = tool.both(*words)
    assert mine == real


def test_a_reader_that_goes_away_is_the_same(tool: Tool) -> None:
    ends = []
    for program in (tool.client, tool.real):
        process = tool.popen("lines", "200000", program=program)
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        process.stderr.close()
        # Python itself ends with 1 or, if its last flush fails as well, with 120.
        ends.append((process.wait() in {1, 120}, said.splitlines()[-1]))
    assert ends[0] == ends[1] == (True, b"BrokenPipeError: [Errno 32] Broken pipe")


def test_a_full_disk_is_the_same(tool: Tool) -> None:
    ends = []
    for program in (tool.client, tool.real):
        with open("/dev/full", "wb") as full:
            done = tool.run("lines", "3", program=program, stdout=full, stderr=subprocess.PIPE)
        ends.append((done.returncode, done.stderr))
    assert ends[0] == ends[1]
    assert ends[0][0] == 120


_LOCAL_MODES = 3
"""Their place among the attributes of a terminal."""


def on_terminal(program: str, *words: str, typed: bytes) -> bytes:
    """Run a program on its own terminal, type, and return the output."""
    pid, terminal = pty.fork()
    if pid == 0:
        if b"" < typed < b" ":
            # The key of a signal is echoed after the signal, when the program may have ended.
            modes = termios.tcgetattr(0)
            modes[_LOCAL_MODES] &= ~termios.ECHO
            termios.tcsetattr(0, termios.TCSANOW, modes)
        os.execve(program, [program, *words], plain_environment())
    seen = b""
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
        if typed and seen.endswith((b": ", b"\n")) and b"state" not in seen:
            os.write(terminal, typed)
            typed = b""
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return seen + b"%d" % os.waitstatus_to_exitcode(status)


@pytest.mark.parametrize(
    ("word", "typed"),
    [("ask", b"answer\n"), ("password", b"secret\n"), ("wait", b"\x03"), ("wait", b"\x1c")],
)
def test_a_terminal_is_the_same(tool: Tool, word: str, typed: bytes) -> None:
    def masked(text: bytes) -> list[bytes]:
        # Without pids, and without the lines where the signal found the program.
        lines = [line for line in text.splitlines() if not line.startswith(b" ")]
        return [line for line in lines if not line.isdigit() or len(line) < 3]

    assert tool.is_served()
    mine = on_terminal(tool.client, word, typed=typed)
    real = on_terminal(tool.real, word, typed=typed)
    assert masked(mine) == masked(real)


def test_a_terminal_is_seen_as_one(tool: Tool) -> None:
    seen = [on_terminal(program, "state", typed=b"") for program in (tool.client, tool.real)]
    assert seen[0] == seen[1]
    assert b"true" in seen[0]


def test_many_at_once_stay_apart(tool: Tool) -> None:
    def call(number: int) -> bytes:
        return tool.run("cat", input=b"%d" % number).stdout

    with ThreadPoolExecutor(25) as pool:
        assert list(pool.map(call, range(25))) == [b"%d" % number for number in range(25)]


def test_many_at_once_are_all_served(tool: Tool) -> None:
    with ThreadPoolExecutor(25) as pool:
        assert set(pool.map(lambda _: tool.run("served").stdout, range(25))) == {b"True\n"}


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
    assert tool.is_served()


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


_NO_FORK = """
import os
def fork():
    {before}
    raise BlockingIOError(11, "Resource temporarily unavailable")
os.fork = fork
"""


def test_a_server_that_cannot_fork_leaves_the_call_to_the_program(unserved: Tool) -> None:
    unserved.start(setup=_NO_FORK.format(before="pass"))
    done = unserved.run("served")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"False\n", b"")
    assert "left to the real command: cannot fork: " in unserved.log.read_text()
    state_directly = unserved.run("state", program=unserved.real)
    state_left = unserved.run("state")
    assert state_left.returncode == 0
    assert json.loads(state_left.stdout) == json.loads(state_directly.stdout)


def test_a_signal_before_a_failed_fork_is_not_lost(unserved: Tool) -> None:
    unserved.start(setup=_NO_FORK.format(before="import time; time.sleep(1)"))
    process = unserved.popen("wait")
    until(lambda: b"SigCgt:\t0000000000000000" not in status(process.pid))
    process.terminate()
    process.communicate()
    assert process.returncode == -signal.SIGTERM


def status(pid: int) -> bytes:
    return Path(f"/proc/{pid}/status").read_bytes()
