"""Programs that are futures: their files, their log and their ends."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from doitstack.errors import CommandError, FutureError
from doitstack.futures.future import Future, FutureState
from doitstack.journal.job_file import read_job
from doitstack.processes.tree import start_time
from tests.integration.probes import is_dead
from tests.unit.futures.manual_run import MakeRun, ManualRun


def spawn(run: ManualRun, *argv: str) -> Future:
    """Run a program as the future `a` to its end."""
    future = begin(run, *argv)
    assert run.context.loop.run_until(lambda: future.has_ended, 250)
    return future


def begin(run: ManualRun, *argv: str) -> Future:
    """Start a program as the future `a`."""
    future = run.futures.declare("a", " ".join(argv))
    run.futures.spawn_when_possible(future, argv)
    run.futures.pump()
    return future


def log_of(run: ManualRun) -> str:
    return (run.directory / "a.log").read_text()


def test_program_has_a_log_a_job_file_and_lines_in_the_main_log(make_run: MakeRun) -> None:
    run = make_run()
    future = spawn(run, "sh", "-c", "echo out; echo err >&2")
    assert (future.rc, future.error) == (0, None)
    assert future.cpu > 0
    assert log_of(run) == "out\nerr\n"
    assert oct((run.directory / "a.log").stat().st_mode) == "0o100600"
    job = read_job(run.directory / "a.ini")
    assert job
    assert (job.command, job.pid, job.rc) == (future.command, future.pid, 0)
    assert job.end_time
    assert run.log.lines == [
        f"[Async a:{future.pid}]: running: {future.command}",
        f"[Async a:{future.pid}]: finished successfully",
    ]
    assert run.kinds("a") == ["future_start", "future_end"]


def test_program_leads_a_group_and_has_a_mark_and_no_input(make_run: MakeRun) -> None:
    run = make_run()
    script = 'echo "$DOITSTACK_FUTURE $(ps -o pgid= -p $$)"; cat; ls /proc/self/fd'
    read, write = os.pipe()
    os.set_inheritable(write, True)
    future = spawn(run, "sh", "-c", script)
    os.close(read)
    os.close(write)
    mark, group, *descriptors = log_of(run).split()
    assert (mark, int(group)) == ("run:a", future.pid)
    assert descriptors == ["0", "1", "2", "3"], "the last is that of ls"


def test_process_is_in_the_job_file_while_it_runs(make_run: MakeRun) -> None:
    run = make_run()
    future = begin(run, "sleep", "600")
    job = read_job(run.directory / "a.ini")
    assert job
    assert (job.pid, job.started, job.rc) == (future.pid, start_time(future.pid), None)
    os.kill(future.pid, signal.SIGKILL)
    assert run.context.loop.run_until(lambda: future.has_ended, 250)


def test_program_that_fails_is_an_error_of_the_future(make_run: MakeRun) -> None:
    run = make_run()
    future = spawn(run, "sh", "-c", "echo words; exit 3")
    assert future.rc == 3
    assert isinstance(future.error, CommandError)
    assert future.failure() == "future a: sh ended with code 3; its output is above"
    assert log_of(run) == "words\nERROR: sh ended with code 3; its output is above\n"
    assert run.log.lines[-1] == f"[Async a:{future.pid}]: FAILED with rc 3"


def test_program_that_cannot_be_run_fails(make_run: MakeRun) -> None:
    run = make_run()
    future = spawn(run, "nowhere")
    assert (future.rc, future.state) == (127, FutureState.ENDED)
    assert "nowhere cannot be run: No such file or directory" in future.failure()
    assert log_of(run).startswith("ERROR: nowhere cannot be run")
    assert run.log.lines == ["[Async a:0]: FAILED with rc 127"]
    job = read_job(run.directory / "a.ini")
    assert job
    assert (job.pid, job.rc) == (0, 127)


def test_what_a_killed_program_has_started_is_killed(make_run: MakeRun) -> None:
    run = make_run()
    future = spawn(run, "sh", "-c", "setsid sleep 600 & echo $!; kill -KILL $$")
    assert future.rc == 128 + signal.SIGKILL
    assert isinstance(future.error, FutureError)
    assert future.failure() == "future a: was killed by SIGKILL"
    assert is_dead(int(log_of(run)))
    assert run.log.lines[-1] == f"[Async a:{future.pid}]: FAILED with rc 137"


def test_end_that_cannot_be_recorded_is_a_failure(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()

    def full(_path: str) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("doitstack.futures.spawned_program.reopen_job", full)
    assert spawn(run, "true").rc == 1


def test_program_that_has_no_log_does_not_start(make_run: MakeRun) -> None:
    run = make_run()
    (run.directory / "a.log").mkdir()
    future = spawn(run, "touch", str(run.directory / "ran"))
    assert future.rc == 1
    assert "cannot be started" in future.failure()
    assert not (run.directory / "ran").exists()


def test_program_in_place_writes_into_the_main_log(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run(parallel=False)
    log: Any = run.log
    with (tmp_path / "stack.log").open("w") as file:
        log.descriptor = file.fileno()
        future = spawn(run, "sh", "-c", "echo out; exit 3")
    assert future.rc == 3
    assert log.path.read_text() == "out\nERROR: sh ended with code 3; its output is above\n"
    assert log.lines == [f"[Async a:self]: Running synchronously: {future.command}"]
    assert not (run.directory / "a.log").exists()
