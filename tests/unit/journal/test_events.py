"""The journal: events as lines, also after a crash."""

from pathlib import Path

from doitstack.journal.events import (
    Event,
    Journal,
    JournalReader,
    new_journal_path,
    read_events,
    run_journals,
)


def test_events_come_back_in_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "runs" / "a.jsonl")
    journal.write("run_start", tasks=["stack"])
    journal.write("future_end", name="ümlaut\n", rc=0)
    journal.close()

    events = list(read_events(journal.path))

    assert [(event.kind, event.fields) for event in events] == [
        ("run_start", {"tasks": ["stack"]}),
        ("future_end", {"name": "ümlaut\n", "rc": 0}),
    ]
    assert events[0].time <= events[1].time
    assert events[1]["rc"] == events[1].get("rc") == 0
    assert events[1].get("missing", 3) == 3
    assert oct(journal.path.stat().st_mode) == "0o100600"
    assert oct(journal.path.parent.stat().st_mode) == "0o40700"


def test_half_a_last_line_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    whole = '{"time": 1.0, "event": "a"}\n'
    last = '{"time": 2.0, "event": "b", "x": 12}\n'
    for cut in range(len(last)):
        path.write_text(whole + last[:cut])
        assert list(read_events(path)) == [Event(1.0, "a")]


def test_rubbish_in_the_middle_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"time": 1, "event": "a"}\n\0\xff\n{"time": 2, "event": "b"}\n')
    assert [event.kind for event in read_events(path)] == ["a", "b"]


def test_runs_are_in_order_of_time(tmp_path: Path) -> None:
    paths = [new_journal_path(tmp_path) for _ in range(3)]
    for path in reversed(paths):
        Journal(path).close()
    assert run_journals(tmp_path) == sorted(paths)
    assert len(set(paths)) == 3


def test_reader_goes_on_where_it_was(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.jsonl")
    reader = JournalReader(journal.path)
    assert list(reader.read()) == []
    journal.write("a", number=1)
    journal.write("b")
    assert [event.kind for event in reader.read()] == ["a", "b"]
    assert list(reader.read()) == []
    with journal.path.open("a") as file:
        file.write('{"time": 1, "ev')
        file.flush()
        assert list(reader.read()) == []
        file.write('ent": "c"}\nrubbish\n{"time": 2, "event": "d"}\n')
    assert list(reader.read()) == [Event(1, "c"), Event(2, "d")]
    reader.close()
    journal.close()
