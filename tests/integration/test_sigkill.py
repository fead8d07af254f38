"""SIGKILL of the main process at any moment: nothing lives on, and the next command copes."""

import os
import random
import signal
import subprocess
import time
import uuid
from pathlib import Path

import pytest

from tests.conftest import MakeStackDir, StackDir
from tests.integration.probes import PATIENCE, is_dead, marked, plugin, wait_until

MOMENTS = 12
"""How often each part kills a run."""

PARTS = [*range(2), *(pytest.param(part, marks=pytest.mark.full) for part in range(2, 9))]

STACK = {
    "extras.d/50-demo.py": plugin("""
        def working(stack, name):
            daemon = subprocess.Popen(["sleep", "600"], start_new_session=True)
            child = subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 600; sleep 600"],
                                     process_group=0)
            print(name, flush=True)
            if name != "a":
                time.sleep(600)
            daemon.kill()
            os.killpg(child.pid, signal.SIGKILL)

        def standing(stack):
            subprocess.Popen(["sleep", "600"], start_new_session=True)
            stack.run(["sh", "-c", "setsid sleep 600 &"])
            Path("standing").touch()
            time.sleep(600)

        def quick(stack):
            stack.run(["sh", "-c", "setsid sleep 0.2 & sleep 0.05; wait"])

        @hookimpl
        def stack_install(stack):
            for name in "abc":
                yield async_run(f"python-{name}", working, name)
            yield async_run("argv", ["sh", "-c", "setsid sleep 600 & sleep 600"])
            yield async_run("bash", shell("in_bash"))
            yield run(quick)
            yield run(shell("async_run inner in_bash; sleep 0.05"))
            yield async_wait("python-a")
            yield run(quick, name="again")
            yield run(standing)
    """),
    "extras.d/40-shell.sh": "in_bash() { trap '' TERM; setsid sleep 600 & sleep 600; }\n",
}


@pytest.fixture
def mark() -> str:
    """A variable in the environment of everything that a run starts."""
    return uuid.uuid4().hex


def _whole(stack: StackDir) -> float:
    """Return how long a run takes to its last step, in s."""
    began = time.monotonic()
    process = stack.start("stack")
    wait_until((stack.path / "standing").exists, "the last step")
    took = time.monotonic() - began
    process.kill()
    process.communicate()
    return took


def _killed(stack: StackDir, moment: float) -> "subprocess.Popen[str]":
    """Kill a run `moment` seconds after its start."""
    process = stack.start("stack")
    try:
        process.wait(timeout=moment)
    except subprocess.TimeoutExpired:
        process.kill()
    process.wait()
    return process


@pytest.mark.parametrize("part", PARTS)
def test_nothing_outlives_a_kill_at_any_moment(
    stack_dir: MakeStackDir, mark: str, part: int
) -> None:
    stack = stack_dir(STACK, TEST_MARK=mark)
    whole = _whole(stack)
    moments = random.Random(part)
    for _ in range(MOMENTS):
        moment = moments.uniform(0, whole + 0.1)
        process = _killed(stack, moment)
        _wait_for_the_end_of_all(mark, f"after {moment:.3f} s of {whole:.3f}")
        assert process.stdout
        assert "Traceback" not in process.stdout.read()
        process.stdout.close()
    wait_until(lambda: marked(mark) == [], "the end of the last watchdog")
    outcome = stack.run("clean").ok()
    assert outcome.directory.dest.exists() is False


def _wait_for_the_end_of_all(mark: str, when: str) -> None:
    """Wait until no process with `mark` lives, except watchdogs."""
    deadline = time.monotonic() + PATIENCE
    while left := [pid for pid in marked(mark) if not _is_watchdog(pid)]:
        assert time.monotonic() < deadline, f"{when}:\n{_described(left)}"
        time.sleep(0.05)


def _is_watchdog(pid: int) -> bool:
    """Return whether this process is the watchdog: it leads its own session."""
    try:
        return os.getsid(pid) == pid and b"/doit\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True  # it has ended meanwhile


def _described(pids: list[int]) -> str:
    found = subprocess.run(
        ["ps", "-o", "pid,ppid,pgid,stat,args", *map(str, pids)],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout


LEFT = """\
[job]
command = make everything
pid = {pid}
start_time = 1700000000000
pid_start_time = {started}
"""


def _stranger(environ: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(["sleep", "600"], start_new_session=True, env=environ)


def _started(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


@pytest.mark.parametrize("command", ["stack", "unstack", "clean"])
def test_next_command_copes_with_what_a_crash_left(
    stack_dir: MakeStackDir, mark: str, command: str
) -> None:
    stack = stack_dir(TEST_MARK=mark)
    stack.run("stack").ok()
    left, other = _stranger(stack.environ), _stranger(stack.environ)
    files = stack.dest / "async"
    files.joinpath("left.ini").write_text(LEFT.format(pid=left.pid, started=_started(left.pid)))
    files.joinpath("left.log").write_text("half a li")
    files.joinpath("reused.ini").write_text(LEFT.format(pid=other.pid, started=1))
    files.joinpath("cut.ini").write_text("[job]\ncommand = ma")
    files.joinpath("x.result").write_bytes(b"\x80")
    journal = max((stack.dest / "logs" / "runs").glob("*.jsonl"))
    journal.write_text(journal.read_text()[:-20])
    (stack.dest / ".lock").write_text("999999\n")
    try:
        shown = stack.run("futures").ok()
        stack.run("timing").ok()

        stack.run(command).ok()

        assert [line.split()[:2] for line in shown.lines[2:]] == [
            ["cut", "lost"],
            ["left", "running"],
            ["reused", "lost"],
        ]
        assert left.wait() == -signal.SIGTERM
        assert not is_dead(other.pid), "a pid that was given anew is not ours"
        assert not files.exists() or [path.name for path in files.iterdir()] == [".run"]
    finally:
        for process in (left, other):
            process.kill()
            process.wait()


def test_database_of_doit_survives_a_kill(stack_dir: MakeStackDir, mark: str) -> None:
    stack = stack_dir(
        {
            "extras.d/50-demo.py": plugin("""
                from doit.tools import run_once

                def first(stack):
                    print("first is run")
                    time.sleep(1.1)

                def standing(stack):
                    until(lambda: "first" in (stack.dest / ".doit.db").read_text())
                    Path("standing").touch()
                    time.sleep(600)

                @hookimpl
                def stack_install(stack):
                    yield run(first, uptodate=[run_once])
                    if not Path("standing").exists():
                        yield run(standing)
            """)
        },
        TEST_MARK=mark,
    )
    process = stack.start("stack")
    wait_until((stack.path / "standing").exists, "the second step")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()

    outcome = stack.run("stack").ok()

    assert "--> stack install: demo: first (up to date)" in outcome.lines
    assert "first is run" not in outcome.lines
