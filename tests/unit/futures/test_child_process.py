"""The files of a forked child, after each kind of end of its action."""

import os
import pickle
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from doitstack.errors import CommandError, FutureError, StepError
from doitstack.futures.child_process import Setting, child_streams, run_child
from doitstack.futures.future import Future
from doitstack.journal.job_file import read_job

NOW = 1_700_000_000


@dataclass(frozen=True)
class Child:
    """A child that has ended: its exit code and its files."""

    directory: Path
    pid: int
    code: int

    @property
    def log(self) -> str:
        return (self.directory / "f.log").read_text()

    @property
    def main_log(self) -> str:
        return (self.directory / "stack.log").read_text()

    @property
    def left(self) -> Any:
        """What it returned or raised, and the text of the latter."""
        return pickle.loads((self.directory / "f.result").read_bytes())

    @property
    def has_left(self) -> bool:
        return (self.directory / "f.result").exists()


Run = Callable[..., Child]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(
        action: Callable[[], Any],
        *,
        in_place: bool = False,
        parent: int | None = None,
        close: Callable[[], None] = lambda: None,
        directory: Path = tmp_path,
        now: Callable[[], float] = lambda: NOW,
    ) -> Child:
        (tmp_path / "f.ini").unlink(missing_ok=True)
        (tmp_path / "stack.log").touch()
        setting = Setting(
            "run",
            str(directory),
            str(tmp_path / "stack.log"),
            os.getpid() if parent is None else parent,
            now,
            close,
            child_streams(),
        )
        registry: Any = None
        future = Future(registry, "f", "make all")
        future.in_place = in_place
        pid = os.fork()
        if pid == 0:
            run_child(setting, future, action)
        return Child(tmp_path, pid, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    return run


def fail(error: BaseException) -> Callable[[], Any]:
    def action() -> None:
        raise error

    return action


def write(text: str) -> Callable[[], None]:
    def action() -> None:
        sys.stdout.write(text)

    return action


def test_child_leaves_its_log_its_code_and_its_result(run: Run) -> None:
    def action() -> dict[str, int]:
        sys.stdout.write("out\n")
        sys.stderr.write("err\n")
        return {"answer": 42}

    child = run(action)

    assert child.code == 0
    assert child.log == "out\nerr\n"
    assert child.left == ({"answer": 42}, "")
    job = read_job(child.directory / "f.ini")
    assert job
    assert (job.command, job.pid, job.rc) == ("make all", child.pid, 0)
    assert job.end_time is not None
    assert child.main_log == (
        f"[Async f:{child.pid}]: running: make all\n[Async f:{child.pid}]: finished successfully\n"
    )


def test_nothing_is_kept_of_no_result(run: Run) -> None:
    child = run(lambda: None)
    assert child.code == 0
    assert not child.has_left


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (StepError("no such image"), 1, "ERROR: no such image\n"),
        (CommandError("make ended with code 7", 7), 7, "ERROR: make ended with code 7\n"),
        (CommandError("make was killed", -9), 137, "ERROR: make was killed\n"),
        (FutureError("g", "failed", 5), 5, "ERROR: future g: failed\n"),
    ],
)
def test_error_of_ours_is_one_line_and_comes_back(
    run: Run, error: StepError, code: int, said: str
) -> None:
    child = run(fail(error))
    assert (child.code, child.log) == (code, said)
    returned, text = child.left
    assert type(returned) is type(error)
    assert str(returned) == text == str(error)
    assert f"FAILED with rc {code}\n" in child.main_log


def test_other_exception_comes_back_with_its_traceback(run: Run) -> None:
    child = run(fail(ValueError("odd")))
    error, text = child.left
    assert child.code == 1
    assert isinstance(error, ValueError)
    assert text == child.log
    assert text.startswith("Traceback")
    assert text.endswith("ValueError: odd\n")


@pytest.mark.parametrize(
    ("request_", "code", "said"),
    [(None, 0, ""), (3, 3, ""), (256 + 4, 4, ""), ("no more", 1, "no more\n")],
)
def test_exit_is_as_python_has_it(run: Run, request_: Any, code: int, said: str) -> None:
    child = run(lambda: sys.exit(request_))
    assert (child.code, child.log) == (code, said)
    assert not child.has_left


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_ends_the_action_and_its_code_is_that_of_a_shell(
    run: Run, number: int, code: int
) -> None:
    def action() -> None:
        try:
            os.kill(os.getpid(), number)
            signal.pause()
        finally:
            sys.stdout.write("cleaned up\n")

    child = run(action)
    assert (child.code, child.log) == (code, "cleaned up\n")
    job = read_job(child.directory / "f.ini")
    assert job
    assert job.rc == code


def kill_self() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_signal_before_the_action_leaves_no_traceback(run: Run) -> None:
    child = run(write("never"), close=kill_self)
    assert (child.code, child.log) == (128 + signal.SIGTERM, "")


def test_signal_after_the_action_changes_nothing(run: Run) -> None:
    times = iter([lambda: None, kill_self])

    def now() -> float:
        next(times)()
        return NOW

    child = run(write("done\n"), now=now)
    job = read_job(child.directory / "f.ini")
    assert job
    assert (child.code, job.rc, child.log) == (0, 0, "done\n")
    assert "finished successfully" in child.main_log


def test_result_that_cannot_be_pickled_fails_the_future(run: Run) -> None:
    child = run(lambda: lambda: None)
    assert child.code == 1
    error, _ = child.left
    assert isinstance(error, FutureError)
    assert "its result cannot be pickled" in child.log


def test_exception_that_cannot_be_pickled_comes_back_as_its_last_line(run: Run) -> None:
    class LocalError(Exception):
        pass

    child = run(fail(LocalError("deep")))
    error, text = child.left
    assert type(error) is RuntimeError
    assert str(error).endswith("LocalError: deep")
    assert text == child.log


def test_result_that_cannot_be_written_fails_the_future(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    child = run(lambda: 42)
    assert child.code == 1
    assert "its result cannot be kept" in child.log
    assert not child.has_left


def test_child_replaces_the_log_of_an_earlier_one(run: Run) -> None:
    run(write("first\n"))
    assert run(write("second\n")).log == "second\n"


def test_future_in_place_writes_into_the_main_log(run: Run) -> None:
    child = run(write("out\n"), in_place=True)
    assert child.main_log == "[Async f:self]: Running synchronously: make all\nout\n"
    assert not (child.directory / "f.log").exists()


def test_child_has_a_group_a_mark_and_no_input(run: Run) -> None:
    def action() -> Any:
        group = os.getpgid(0)
        return os.getpid(), group, os.environ["DOITSTACK_FUTURE"], os.read(0, 1)

    child = run(action)
    assert child.left[0] == (child.pid, child.pid, "run:f", b"")


def test_child_closes_what_is_the_main_process_s_alone(run: Run) -> None:
    reader, writer = os.pipe()
    pipe = os.readlink(f"/proc/self/fd/{writer}")

    def is_open() -> bool:
        return any(str(path.readlink()) == pipe for path in descriptors())

    def close() -> None:
        os.close(reader)
        os.close(writer)

    try:
        assert run(is_open).left == (True, "")
        assert run(is_open, close=close).left == (False, "")
    finally:
        close()


def descriptors() -> list[Path]:
    """Return the files that this process has open, except the list of them."""
    return [path for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]


def test_child_whose_parent_is_gone_does_nothing(run: Run) -> None:
    child = run(write("out\n"), parent=1 << 22)
    assert child.code == 1
    assert not (child.directory / "f.log").exists()
    assert not (child.directory / "f.ini").exists()


def test_child_that_cannot_have_its_files_fails_and_runs_nothing_else(
    run: Run, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    child = run(ran.touch, directory=tmp_path / "missing")
    assert child.code == 1
    assert not ran.exists()
