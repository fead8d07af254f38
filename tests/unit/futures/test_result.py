"""How a future ended, from what its process left."""

import pickle
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from doitstack.errors import FutureError
from doitstack.futures.result import Outcome, outcome


def test_unrecorded_end_on_a_full_disk_has_its_own_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda directory: SimpleNamespace(free=0))
    ended = outcome("big", 1, None, tmp_path / "big.result")
    assert (ended.rc, str(ended.error)) == (
        1,
        f"future big: could not record its end: {tmp_path} is full",
    )
    # What it recorded all the same is believed.
    assert str(outcome("big", 2, 2, tmp_path / "big.result").error) == (
        "future big: failed with rc 2"
    )


def leave(directory: Path, what: object, text: str = "") -> Path:
    """Write what a child leaves: what it returned, or what it raised with the traceback."""
    file = directory / "f.result"
    file.write_bytes(pickle.dumps((what, text)))
    return file


def test_result_is_returned_and_its_file_removed(tmp_path: Path) -> None:
    file = leave(tmp_path, {"answer": 42})
    assert outcome("f", 0, 0, file) == Outcome(0, {"answer": 42}, None)
    assert not file.exists()


def test_future_without_a_result_returns_none(tmp_path: Path) -> None:
    assert outcome("f", 0, 0, tmp_path / "f.result") == Outcome(0, None, None)


def test_exception_has_the_traceback_of_the_child_as_its_cause(tmp_path: Path) -> None:
    ended = outcome("f", 1, 1, leave(tmp_path, ValueError("odd"), "Traceback ...\n"))
    assert (ended.rc, ended.value) == (1, None)
    assert isinstance(ended.error, ValueError)
    assert "Traceback ..." in str(ended.error.__cause__)


def test_exception_is_a_failure_whatever_code_was_recorded(tmp_path: Path) -> None:
    assert outcome("f", 0, 0, leave(tmp_path, ValueError("odd"), "Traceback ...\n")).rc == 1


def test_result_of_a_failed_future_is_not_returned(tmp_path: Path) -> None:
    ended = outcome("f", 3, 3, leave(tmp_path, "half"))
    assert (ended.rc, ended.value, str(ended.error)) == (3, None, "future f: failed with rc 3")


@pytest.mark.parametrize(
    ("code", "recorded", "rc", "why"),
    [
        (None, 5, 5, "failed with rc 5"),
        (-9, None, 137, "was killed by SIGKILL"),
        (-15, 0, 143, "was killed by SIGTERM"),
        (None, None, 137, "killed"),
        (0, None, 1, r"os\._exit\(0\)"),
        (4, 0, 4, r"os\._exit\(4\)"),
    ],
)
def test_code_is_that_of_the_process_unless_it_has_recorded_the_same(
    tmp_path: Path, code: int | None, recorded: int | None, rc: int, why: str
) -> None:
    ended = outcome("f", code, recorded, tmp_path / "f.result")
    assert isinstance(ended.error, FutureError)
    assert (ended.rc, ended.error.code) == (rc, rc)
    assert re.search(why, str(ended.error))


def test_result_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "f.result"
    file.write_bytes(b"cut off")
    ended = outcome("f", 0, 0, file)
    assert ended.rc == 1
    assert "future f: its result cannot be unpickled" in str(ended.error)
