"""The watchdogs kill the processes that a SIGKILL of the main process leaves."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from doitstack.futures.watchdog import mark, unfinished
from doitstack.journal.job_file import Job, close_job, open_job
from doitstack.processes.tree import Root, look_up, open_pidfd
from tests.integration.probes import is_dead, wait_until

PATIENCE = 250.0
"""Seconds after which a test gives up; none is passed by waiting."""


@pytest.fixture
def sleeper() -> Iterator[int]:
    """The pid of a process that sleeps, in its own group."""
    process = subprocess.Popen(["sleep", "1000"], process_group=0)
    yield process.pid
    process.kill()
    process.wait()


def write_job(directory: Path, name: str, pid: int, started: int, rc: int | None = None) -> None:
    descriptor = open_job(directory / f"{name}.ini", Job("cmd", pid, 0, started))
    if rc is None:
        os.close(descriptor)
    else:
        close_job(descriptor, 1, rc)


def start_of(pid: int) -> int:
    process = look_up(pid)
    assert process
    return process.started


# -- which futures are unfinished ------------------------------------------------------------------


def test_future_without_an_end_is_unfinished(tmp_path: Path, sleeper: int) -> None:
    write_job(tmp_path, "runs", sleeper, start_of(sleeper))
    write_job(tmp_path, "done", sleeper, start_of(sleeper), rc=0)
    (tmp_path / "begun.ini").write_text("[job]\n")
    assert list(unfinished(tmp_path)) == [Root(sleeper)]


def test_future_of_another_run_counts_only_while_its_first_process_runs(
    tmp_path: Path, sleeper: int
) -> None:
    write_job(tmp_path, "other", sleeper, start_of(sleeper) - 1)
    assert list(unfinished(tmp_path)) == [], "the pid belongs to another process now"


def test_future_of_this_run_is_also_found_by_its_mark(tmp_path: Path, sleeper: int) -> None:
    write_job(tmp_path, "runs", sleeper, start_of(sleeper))
    assert list(unfinished(tmp_path, "run")) == [Root(sleeper, mark("run", "runs"))]


def test_future_of_this_run_whose_pid_was_reused_is_found_by_its_mark_alone(
    tmp_path: Path, sleeper: int
) -> None:
    write_job(tmp_path, "runs", sleeper, start_of(sleeper) - 1)
    assert list(unfinished(tmp_path, "run")) == [Root(0, mark("run", "runs"))]


# -- the main process is killed --------------------------------------------------------------------

MAIN = """
import os, signal
from subprocess import DEVNULL, Popen
from pathlib import Path
from doitstack.futures.watchdog import Watchdog

def sleep(its_mark=""):
    env = dict(DOITSTACK_FUTURE=its_mark)
    return Popen(["sleep", "1000"], stdout=DEVNULL, env=env, process_group=0)

guard = Watchdog(Path({directory!r}), "run")
{work}
print(process.pid, flush=True)
os.close(1)
signal.pause()
"""

FUTURE = """
process = sleep("run:f")
Path(DIRECTORY, "f.ini").write_text(
    f"[job]\\ncommand = c\\npid = {os.getpid()}\\nstart_time = 0\\npid_start_time = 1\\n"
)
"""
FUTURE_BEFORE_ITS_PID_IS_KNOWN = """
process = sleep("run:f")
Path(DIRECTORY, "f.ini").write_text("[job]\\ncommand = c\\nstart_time = 0\\n")
"""
PROGRAM = """
its_mark = guard.next_program()
process = sleep(its_mark)
guard.program(process.pid)
"""
PROGRAM_BEFORE_ITS_PID_IS_KNOWN = """
its_mark = guard.next_program()
process = sleep(its_mark)
"""
STEP = """
step = guard.step()
process = sleep(step.__enter__())
guard.next_program()
guard.program(os.getpid())
guard.program(0)
"""
DAEMON_OF_A_PROGRAM_OF_A_STEP = """
step = guard.step()
step.__enter__()
process = sleep(guard.next_program())
guard.program(process.pid)
guard.program(0)
guard.next_program()
"""
SESSION = """
process = sleep()
guard.session(process.pid)
"""


@contextmanager
def main_process(directory: Path, work: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a main process that does `work`; yield it and the pid of the process it started."""
    script = MAIN.format(
        directory=str(directory), work=work.replace("DIRECTORY", repr(str(directory)))
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as main:
        assert main.stdout
        try:
            # The output ends once both watchdogs have closed it as well: then they watch.
            yield main, int(main.stdout.read())
        finally:
            main.kill()


def has_ended(pid: int) -> bool:
    """Wait until the process has ended; return False if it does not."""
    handle = open_pidfd(pid)
    if handle is None:
        return True
    try:
        return bool(select.select([handle], [], [], PATIENCE)[0])
    finally:
        os.close(handle)


@pytest.mark.parametrize(
    "work",
    [
        FUTURE,
        FUTURE_BEFORE_ITS_PID_IS_KNOWN,
        PROGRAM,
        PROGRAM_BEFORE_ITS_PID_IS_KNOWN,
        STEP,
        DAEMON_OF_A_PROGRAM_OF_A_STEP,
        SESSION,
    ],
)
def test_work_ends_if_the_main_process_is_killed(tmp_path: Path, work: str) -> None:
    with main_process(tmp_path, work) as (main, pid):
        main.kill()
        assert has_ended(pid)


def test_watchdogs_ignore_ctrl_c(tmp_path: Path) -> None:
    with main_process(tmp_path, SESSION) as (main, pid):
        for watchdog in watchdogs_of(main.pid):
            os.kill(watchdog, signal.SIGINT)
        main.kill()
        assert has_ended(pid)


def watchdogs_of(main: int) -> list[int]:
    """Return the pids of the children of `main` that lead their own sessions."""
    children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    watchdogs = [int(pid) for pid in children if os.getsid(int(pid)) == int(pid)]
    assert len(watchdogs) == 2
    return watchdogs


KILLED_BEFORE_IT_IS_RECORDED = """
start = guard._start

def start_and_kill():
    guard._start = start
    pid = start()
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return pid

guard._start = start_and_kill
process = sleep()
os.kill(guard._pids[0], signal.SIGKILL)
"""


def living_watchdogs(main: int) -> list[int]:
    children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    return [pid for pid in map(int, children) if not is_dead(pid) and leads_a_session(pid)]


def leads_a_session(pid: int) -> bool:
    try:
        return os.getsid(pid) == pid
    except ProcessLookupError:  # it has ended meanwhile
        return False


def test_watchdog_that_is_killed_at_once_is_replaced(tmp_path: Path) -> None:
    with main_process(tmp_path, KILLED_BEFORE_IT_IS_RECORDED) as (main, pid):
        try:
            wait_until(lambda: len(living_watchdogs(main.pid)) == 2, "two that live")
        finally:
            os.kill(pid, signal.SIGKILL)


ENDED = """
process = sleep()
guard.program(process.pid)
guard.program(0)
"""


ENDED_STEP = """
with guard.step() as its_mark:
    process = sleep(its_mark)
    guard.next_program()
    guard.program(process.pid)
    guard.program(0)
"""


@pytest.mark.parametrize("work", [ENDED, ENDED_STEP])
def test_what_has_ended_is_not_ended_again(tmp_path: Path, work: str) -> None:
    with main_process(tmp_path, work) as (main, pid):
        watchdogs = watchdogs_of(main.pid)
        main.kill()
        try:
            assert all(map(has_ended, watchdogs))
            assert look_up(pid), "its end was reported: another process may have its pid now"
        finally:
            os.kill(pid, signal.SIGKILL)


DISMISSED = """
process = sleep()
guard.session(process.pid)
guard.dismiss()
"""


def test_dismissed_watchdogs_are_gone_and_end_nothing(tmp_path: Path) -> None:
    with main_process(tmp_path, DISMISSED) as (main, pid):
        try:
            children = Path(f"/proc/{main.pid}/task/{main.pid}/children").read_text().split()
            assert children == [str(pid)]
        finally:
            os.kill(pid, signal.SIGKILL)


FAILED_STEP = """
from contextlib import suppress
with suppress(ValueError), guard.step() as its_mark:
    process = sleep(its_mark)
    sleep(guard.next_program())
    raise ValueError
"""


def test_step_that_fails_leaves_nothing_running(tmp_path: Path) -> None:
    with main_process(tmp_path, FAILED_STEP) as (main, _):
        children = Path(f"/proc/{main.pid}/task/{main.pid}/children").read_text().split()
        ended = {pid for pid in children if Path(f"/proc/{pid}/cmdline").read_bytes() == b""}
        assert len(ended) == 2
        assert {*children} - ended == {*map(str, watchdogs_of(main.pid))}
