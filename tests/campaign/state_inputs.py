"""Readers of what runs leave in DEST: journals, job files, the state of doit, passwords, marks."""

import getpass
import json
import zlib
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from doit.dependency import Dependency, DependencyStatus, JSONCodec
from doit.task import Task

from doitstack.bash.service_requests import start as start_unit
from doitstack.config import dest_directory, passwords
from doitstack.config.local_conf import LocalSettings
from doitstack.config.settings import DEFAULTS, Settings
from doitstack.engine.doit_state import AtomicJsonDB
from doitstack.errors import DoitstackError
from doitstack.futures import async_directory
from doitstack.journal.event_codec import decode, encode
from doitstack.journal.job_file import Job, close_job, open_job, read_job
from doitstack.journal.last_run import LastRun
from doitstack.journal.run_list import run_rows
from doitstack.journal.run_record import read_run
from doitstack.journal.timing import timing_of
from doitstack.private_files import has_text
from doitstack.reports import json_lists, tables
from doitstack.reports.run_reports import Reports
from tests.campaign.mutator import Target
from tests.campaign.settings_inputs import check_mask

_EVENTS = """
{"event": "run_start", "tasks": ["stack"], "pid": 7, "parallel": true, "jobs": 2, "cores": 2}
{"event": "step_start", "task": "s:a", "phase": "stack install", "plugin": "p", "step": "a",
 "kind": "run", "waits": [], "needs": [], "log": 10}
{"event": "usage", "cpu": 1.5, "machine": 100.0}
{"event": "step_end", "task": "s:a", "status": "done", "log": 20, "error": null}
{"event": "step_start", "task": "s:f", "phase": "stack install", "plugin": "p", "step": "f",
 "kind": "async_run", "waits": [], "needs": ["s:a"]}
{"event": "future_queued", "name": "f", "command": "c x", "lock": "l"}
{"event": "future_start", "name": "f", "pid": 9, "command": "c x"}
{"event": "time", "component": "pip_install", "milliseconds": 1200}
{"event": "step_skipped", "task": "s:b", "step": "b", "kind": "run", "waits": [], "needs": []}
{"event": "step_start", "task": "s:w", "step": "w", "kind": "async_wait", "waits": ["f"],
 "needs": ["s:f"], "log": 30}
{"event": "wait_start", "name": "f"}
{"event": "future_end", "name": "f", "rc": 1, "start_time": 1000000006000,
 "end_time": 1000000011000, "cpu": 2.5, "error": "f: failed with rc 1"}
{"event": "collected", "name": "f", "rc": 1, "waited": 1.0, "log": [31, 40]}
{"event": "step_end", "task": "s:w", "status": "failed", "log": 41, "error": "no", "future": "f"}
{"event": "step_not_run", "task": "s:z", "step": "z", "kind": "run", "waits": [], "needs": []}
{"event": "future_stopped", "name": "g"}
{"event": "future_cancelled", "name": "h"}
{"event": "warning", "text": "careful"}
{"event": "wait_end"}
{"event": "usage", "cpu": 3.5, "machine": 130.0}
{"event": "run_end", "code": 1, "cpu": 4.0}
"""
_LINES = _EVENTS.replace("\n ", " ").strip().splitlines()
JOURNAL = "".join(
    f'{{"time": {10**9 + number}.0, {line[1:]}\n' for number, line in enumerate(_LINES)
).encode()

JOB = b"[job]\ncommand = c x\npid = 4194303\nstart_time = 1000000006000\npid_start_time = 12\n"
STATE = json.dumps(
    {
        "s:a": {
            "_values_:": {"x": 1, "_config_changed": "abc"},
            "result:": "0cc175b9c0f1b6a831c399e269772661",
            "checker:": "MD5Checker",
            "deps:": ["FILE"],
            "FILE": [1.5, 3, "0cc175b9c0f1b6a831c399e269772661"],
        },
        "s:b": {"_values_:": {}, "ignore:": "1", "result:": {"a": 1}},
    }
).encode()


def state_targets(directory: Path) -> Iterator[Target]:
    directory.mkdir()
    numbers = (b"null", b"[]", b"{}", b"true", b'"\\ud800"', b"[1]", b'"x"', b"-1", b"1e999", b"0")
    reader = _JournalReader(directory / "journal")
    yield Target("journal", (JOURNAL,), (*JOURNAL.splitlines(keepends=True), *numbers), reader.read)
    job_words = (
        b"rc = 0\n",
        b"end_time = 5\n",
        b"pid = self\n",
        b"pid = 1\n",
        b"command = ",
        b" = ",
    )
    yield Target("job", (JOB, JOB + b"end_time = 1000000007000\nrc = 0\n"), job_words,
                 partial(_read_job, directory / "job"))  # fmt: skip
    yield Target("commands", (b"c x",), (b"\nrc = 0\n", b"\nend_time = 1\n", b"\r", b"=", b"[job]"),
                 partial(_write_job, directory))  # fmt: skip
    state_words = (*numbers, b'"deps:"', b'"result:"', b'"checker:"', b'"_values_:"', b'"FILE"')
    yield Target("state", (STATE,), state_words, partial(_read_state, directory))
    yield Target(
        "passwords",
        (b"ADMIN_PASSWORD=secret\nOTHER=a=b\n", b"# x\n"),
        (b"ADMIN_PASSWORD=", b"SERVICE_PASSWORD=x\n", b"="),
        partial(_read_passwords, directory / "passwords"),
    )
    unit = b'{"command": "sleep 1", "group": "", "user": "", "environment": "A=1 B=2"}'
    yield Target("units", (unit,), (*numbers, b'"command"', b"\\u0000", b"'"),
                 partial(_read_unit, directory / "units"))  # fmt: skip
    yield Target("stamps", (b"made by doitstack\n", b"run-1:x", b"0" * 64 + b"\n"), (b"found",),
                 partial(_read_stamps, directory / "stamps"))  # fmt: skip


def _settings(directory: Path, **values: str) -> Settings:
    """Return settings without a stack directory."""
    known = dict.fromkeys(DEFAULTS, "") | {
        "TOP_DIR": str(directory), "DEST": str(directory), "LOGDIR": str(directory),
        "DATA_DIR": str(directory / "data"), "ENABLED_SERVICES": "key",
    }  # fmt: skip
    return Settings({**known, **values}, LocalSettings({}), frozenset())


class _JournalReader:
    """Reads a journal as the commands of doit do."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "runs" / "20260101T000000.000000000.jsonl"
        self._path.parent.mkdir(parents=True)
        (directory / "stack.log").write_text("line\n" * 20)
        self._directory = directory
        settings = _settings(directory)
        self._stack: Any = SimpleNamespace(settings=settings, log_dir=directory, dest=directory)

    def read(self, data: bytes) -> None:
        self._path.write_bytes(data)
        for line in data.splitlines():
            if event := decode(line):
                assert decode(encode(event, event.time)) is not None, (
                    f"cannot be read again: {event}"
                )
        if run := read_run(self._path):
            tables.timing_tables(timing_of(self._directory, run)).encode()
            json.dumps(timing_of(self._directory, run).as_dict(), allow_nan=False)
        tables.runs_table(run_rows(self._directory), 80).encode()
        json_lists.runs_json(run_rows(self._directory))
        last = LastRun(self._directory, self._directory)
        rows = last.futures()
        if last._reader:
            last._reader.close()  # a command has one, and ends
        tables.futures_table(rows, 80).encode()
        json_lists.futures_json(rows)
        if run and zlib.crc32(data) % 32 == 0:  # they take long
            reports = Reports(self._stack, self._path)
            for report in (reports.page, reports.trace, reports.junit):
                report().encode()


def _read_job(directory: Path, data: bytes) -> None:
    file = directory / "async" / "f.ini"
    if not file.parent.is_dir():
        file.parent.mkdir(parents=True)
    file.write_bytes(data)
    rows = LastRun(directory, directory).futures()
    tables.futures_table(rows, 80).encode()
    json_lists.futures_json(rows)
    job = read_job(file)
    if job is None or job.pid != 4194303:  # it must not end processes of others
        return
    async_directory.purge(file.parent)


def _write_job(directory: Path, data: bytes) -> None:
    """Write the file of a future, and read it again."""
    file = directory / "f.ini"
    file.unlink(missing_ok=True)
    command = data.decode(errors="surrogateescape")
    descriptor = open_job(file, Job(command, 5, 6, 7))
    begun = read_job(file)
    assert begun is not None, "cannot be read again"
    assert begun.rc is None, "has ended"
    assert (begun.pid, begun.start_time, begun.started) == (5, 6, 7)
    close_job(descriptor, 8, 9)
    ended = read_job(file)
    assert ended is not None, "cannot be read again"
    assert (ended.end_time, ended.rc) == (8, 9)


def _read_state(directory: Path, data: bytes) -> None:
    file, database = directory / "FILE", directory / ".doit.db"
    if not file.exists():
        file.write_text("abc")
    name = json.dumps(str(file)).encode()
    database.write_bytes(data.replace(b'"FILE"', name))
    manager = Dependency(AtomicJsonDB, str(database), codec_cls=JSONCodec)
    tasks = {
        "s:a": Task("s:a", None, file_dep=[str(file)], uptodate=[True]),
        "s:b": Task("s:b", None, uptodate=[True]),
        "s:c": Task("s:c", None, uptodate=[(_same, ("s:a",))]),
    }
    for task in tasks.values():
        status = manager.get_status(task, tasks)
        assert isinstance(status, DependencyStatus)
        manager.status_is_ignore(task)
        manager.get_values(task.name)
        manager.get_result(task.name)
        manager.save_success(task)
    manager.close()
    again = Dependency(AtomicJsonDB, str(database), codec_cls=JSONCodec)
    assert again.get_status(tasks["s:a"], tasks).status == "up-to-date"


def _same(task: Task, values: dict[str, Any], name: str) -> bool:
    return bool(values.get(name)) or task is None


def _read_passwords(directory: Path, data: bytes) -> None:
    directory.mkdir(exist_ok=True)
    (directory / "passwords").write_bytes(data)
    settings = _settings(directory)
    check_mask(passwords.known_secrets(settings))
    with suppress(DoitstackError):
        first = passwords.password(settings, "ADMIN_PASSWORD")
        assert passwords.password(settings, "ADMIN_PASSWORD") == first, "has changed"
        other = passwords.password(settings, "NEW_PASSWORD")
        assert passwords.password(settings, "NEW_PASSWORD") == other, "has changed"
        assert passwords.password(settings, "ADMIN_PASSWORD") == first, "has changed"


def _read_unit(directory: Path, data: bytes) -> None:
    (directory / "units").mkdir(parents=True, exist_ok=True)
    (directory / "units" / "x.json").write_bytes(data)
    started: Any = SimpleNamespace(
        dest=directory,
        run_process=_check_unit,
        services=SimpleNamespace(start_again=lambda _: False),
    )
    with suppress(DoitstackError):
        start_unit(started, "x")


def _check_unit(name: str, argv: list[str], env: dict[str, str], code: str) -> None:
    assert all(isinstance(word, str) for word in (name, code, *argv, *env, *env.values()))
    getpass.getuser()


def _read_stamps(directory: Path, data: bytes) -> None:
    directory.mkdir(mode=0o700, exist_ok=True)
    (directory / dest_directory.OWNERSHIP_FILE).write_bytes(data)
    settings = _settings(directory)
    with suppress(DoitstackError):
        dest_directory.owned(settings)
    has_text(directory / dest_directory.OWNERSHIP_FILE, "made by doitstack\n")
    futures = directory / "async"
    futures.mkdir(exist_ok=True)
    (futures / ".run").write_bytes(data + b"\0never a mark")
    async_directory.purge(futures)
    dest_directory.remove(settings)
