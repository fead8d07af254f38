"""The journal as a file: written, read, read while it grows, also after a crash."""

import os
import time
from pathlib import Path

import pytest

from doitstack.journal.events import FutureStopped, RunStart, WaitEnd, WaitStart
from doitstack.journal.journal_file import (
    Journal,
    JournalReader,
    new_journal_path,
    prune_journals,
    read_events,
    run_journals,
)


def test_events_come_back_in_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "runs" / "a.jsonl")
    before = journal.now()
    journal.write(RunStart(tasks=("stack",)))
    journal.write(FutureStopped("a"))
    journal.close()

    start, stopped = read_events(journal.path)

    assert before - 0.001 <= start.time <= stopped.time
    assert start == RunStart(tasks=("stack",), time=start.time)
    assert stopped == FutureStopped("a", time=stopped.time)
    assert oct(journal.path.stat().st_mode) == "0o100600"
    assert oct(journal.path.parent.stat().st_mode) == "0o40700"


def test_event_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "a.jsonl")
    written: list[bytes] = []
    monkeypatch.setattr(os, "write", lambda _, data: written.append(data))
    journal.write(WaitStart("a"))
    assert len(written) == 1
    assert written[0].count(b"\n") == 1


def test_half_a_last_line_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    whole = '{"time": 1.0, "event": "wait_start", "name": "a"}\n'
    last = '{"time": 2.0, "event": "wait_end", "x": 12}\n'
    for cut in range(len(last)):
        path.write_text(whole + last[:cut])
        assert list(read_events(path)) == [WaitStart("a", time=1.0)]


def test_damaged_line_in_the_middle_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'{"time": 1, "event": "wait_start"}\n\0\xff\n1\nnull\n{}\n[]\n'
        b'{"time": 2, "event": "wait_end"}\n'
    )
    assert list(read_events(path)) == [WaitStart(time=1.0), WaitEnd(time=2.0)]


def test_runs_are_in_order_of_time(tmp_path: Path) -> None:
    paths = [new_journal_path(tmp_path) for _ in range(3)]
    for path in reversed(paths):
        Journal(path).close()
    assert run_journals(tmp_path) == sorted(paths)
    assert len(set(paths)) == 3


@pytest.mark.parametrize(("keep", "left"), [(0, 5), (1, 1), (3, 3), (5, 5), (9, 5)])
def test_oldest_journals_are_pruned(tmp_path: Path, keep: int, left: int) -> None:
    paths = [new_journal_path(tmp_path) for _ in range(5)]
    for path in paths:
        Journal(path).close()
    prune_journals(tmp_path, keep)
    assert run_journals(tmp_path) == sorted(paths)[-left:]


def test_reader_goes_on_where_it_was(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.jsonl")
    reader = JournalReader(journal.path)
    assert list(reader.read()) == []
    journal.write(WaitStart("a"))
    journal.write(WaitEnd())
    assert [type(event) for event in reader.read()] == [WaitStart, WaitEnd]
    assert list(reader.read()) == []
    with journal.path.open("a") as file:
        file.write('{"time": 1, "ev')
        file.flush()
        assert list(reader.read()) == []
        file.write('ent": "wait_end"}\nrubbish\n{"time": 2, "event": "wait_start"}\n')
    assert list(reader.read()) == [WaitEnd(time=1.0), WaitStart(time=2.0)]
    reader.close()
    journal.close()


def test_names_of_journals_are_one_look_at_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What looks at the clock without a time given is late by up to 4 ms."""
    real = time.gmtime

    def late(seconds: float = 12.0) -> time.struct_time:
        return real(seconds)

    monkeypatch.setattr(time, "gmtime", late)
    monkeypatch.setattr(time, "time_ns", lambda: 13 * 10**9 + 5)
    assert new_journal_path(tmp_path).name == "19700101T000013.000000005.jsonl"


def test_run_is_the_last_one_if_the_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Earlier runs were taken for the last one, and its own journal could be the first to go."""
    for hours in (9, 8, 7):
        monkeypatch.setattr(time, "time_ns", lambda hours=hours: hours * 3600 * 10**9)
        path = new_journal_path(tmp_path)
        Journal(path).close()
        prune_journals(tmp_path, 2)
        assert run_journals(tmp_path)[-1] == path
    assert path.name == "19700101T090000.000000002.jsonl"
