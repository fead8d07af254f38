"""What happens when there is no room left: /dev/full refuses every write, as a full disk does."""

import os
from pathlib import Path
from typing import Any

import pytest

from doitstack.console.main_log import MainLog
from doitstack.console.screens import PlainScreen
from doitstack.engine.doit_state import AtomicJsonDB
from doitstack.journal.events import RunStart
from doitstack.journal.journal_file import Journal

FULL = Path("/dev/full")


class Plain:
    def encode(self, data: Any) -> str:
        return str(data)


def test_main_log_shows_a_line_that_it_cannot_write(capfd: pytest.CaptureFixture[str]) -> None:
    log = MainLog(FULL)
    log.show_on(PlainScreen(1))
    log.write("still seen\n")
    log.close()
    assert log.loss == "No space left on device"
    assert capfd.readouterr().out == "still seen\n"


def test_output_that_cannot_be_shown_is_named_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = MainLog(tmp_path / "log")
    with FULL.open("wb") as full:
        log.show_on(PlainScreen(full.fileno()))
        with log.capture():
            os.write(1, b"one\n")
            log.show()
            os.write(1, b"two\n")
    log.close()
    assert (tmp_path / "log").read_text() == "one\ntwo\n"
    assert capfd.readouterr().err == (
        f"WARNING: no more output is shown: No space left on device; see {tmp_path}/log\n"
    )


def test_reader_that_has_gone_is_not_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = MainLog(tmp_path / "log")
    reader, writer = os.pipe()
    os.close(reader)
    log.show_on(PlainScreen(writer))
    log.write("one\n")
    log.close()
    os.close(writer)
    assert capfd.readouterr().err == ""


def test_full_disk_for_a_log_is_a_warning(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "future.log").write_text("what the future said\n")
    log = MainLog(FULL)
    log.show_on(PlainScreen(1))
    assert log.insert(tmp_path / "future.log") == (0, 0)
    log.close()
    assert capfd.readouterr().out == (
        f"WARNING: {tmp_path}/future.log cannot be inserted here: No space left on device; "
        f"read it there\n"
    )


def test_journal_loses_events_and_not_the_run() -> None:
    journal = Journal(FULL)
    journal.write(RunStart(tasks=("stack",)))
    journal.close()
    assert journal.loss == "No space left on device"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(journal._descriptor)


def test_state_that_cannot_be_saved_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "state"
    path.write_text("old")

    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("doitstack.engine.doit_state.write_private", refuse)
    backend = AtomicJsonDB.__new__(AtomicJsonDB)
    backend.name, backend.codec, backend._db = str(path), Plain(), {}
    backend.dump()
    assert path.read_text() == "old"
    assert "could not be saved" in capsys.readouterr().err
