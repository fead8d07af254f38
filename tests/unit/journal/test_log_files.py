"""Which log is meant by a name."""

from pathlib import Path

import pytest

from doitstack.errors import StepError
from doitstack.journal import log_files
from doitstack.journal.journal_file import Journal, new_journal_path, prune_journals
from doitstack.journal.log_files import (
    LogKind,
    NamedLog,
    find_log,
    known_logs,
    main_log_of,
    rotate_main_log,
)

LOGS = [
    NamedLog("stack", LogKind.MAIN_LINE, Path("stack.log")),
    NamedLog("keystone", LogKind.FUTURE, Path("async/keystone.log")),
    NamedLog("stack", LogKind.FUTURE, Path("async/stack.log")),
    NamedLog("keystone", LogKind.SERVICE, Path("keystone.log")),
    NamedLog("uwsgi", LogKind.SERVICE, Path("uwsgi.log")),
    NamedLog("stack:install:demo:50-demo.sh", LogKind.SCRIPT, Path("1")),
    NamedLog("stack:extra:demo:50-demo.sh", LogKind.SCRIPT, Path("2")),
    NamedLog("stack:extra:other:60-other.sh", LogKind.SCRIPT, Path("3")),
]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("stack", "stack.log"),
        ("future:stack", "async/stack.log"),
        ("keystone", "async/keystone.log"),
        ("service:keystone", "keystone.log"),
        ("uwsgi", "uwsgi.log"),
        ("stack:extra:demo:50-demo.sh", "2"),
        ("extra:demo:50-demo.sh", "2"),
        ("60-other.sh", "3"),
    ],
)
def test_name_is_looked_for_in_order(name: str, path: str) -> None:
    assert find_log(name, LOGS).path == Path(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "50-demo.sh",
            "50-demo.sh is the end of several names: stack:install:demo:50-demo.sh, "
            "stack:extra:demo:50-demo.sh; name one of them",
        ),
        (
            "keyston",
            "there is no log called keyston; did you mean keystone? `doit log` lists all",
        ),
        (
            "60-othr.sh",
            "there is no log called 60-othr.sh; did you mean stack:extra:other:60-other.sh? "
            "`doit log` lists all",
        ),
        (
            "zzz",
            "there is no log called zzz; there are: stack, keystone, uwsgi, "
            "stack:install:demo:50-demo.sh, stack:extra:demo:50-demo.sh, "
            "stack:extra:other:60-other.sh",
        ),
    ],
)
def test_name_that_fits_none_or_several_is_refused(name: str, message: str) -> None:
    with pytest.raises(StepError) as caught:
        find_log(name, LOGS)
    assert str(caught.value) == message


def test_name_before_the_first_run_is_refused() -> None:
    with pytest.raises(StepError, match="there is no log called a; nothing has been run yet"):
        find_log("a", [])


def test_logs_are_those_on_disk_and_of_futures_to_come(tmp_path: Path) -> None:
    for name in ("stack.log", "db.log", "xtrace/stack:install:a:a.sh.log"):
        path = tmp_path / "logs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    futures = tmp_path / "async"
    futures.mkdir()
    (futures / "old.log").touch()
    (futures / "old.ini").touch()

    found = list(known_logs(futures, tmp_path / "logs", ["queued", "old"]))

    assert found == [
        NamedLog("stack", LogKind.MAIN_LINE, tmp_path / "logs/stack.log"),
        NamedLog("queued", LogKind.FUTURE, futures / "queued.log"),
        NamedLog("old", LogKind.FUTURE, futures / "old.log"),
        NamedLog("db", LogKind.SERVICE, tmp_path / "logs/db.log"),
        NamedLog(
            "stack:install:a:a.sh",
            LogKind.SCRIPT,
            tmp_path / "logs/xtrace/stack:install:a:a.sh.log",
        ),
    ]


def test_large_main_log_is_kept_as_long_as_journals_of_its_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It grew for ever. What an earlier run has written stays where its journal says."""
    monkeypatch.setattr(log_files, "LARGE", 10)
    log = tmp_path / "stack.log"
    rotated = tmp_path / "stack.log.1"
    rotated.write_text("that of a user")
    runs = []
    for _ in range(8):
        path = new_journal_path(tmp_path)
        Journal(path).close()
        prune_journals(tmp_path, 3)
        rotate_main_log(tmp_path, path.stem)
        runs.append(path.stem)
        with log.open("a") as file:
            file.write(f"{path.stem}\n")
    for run in runs[-3:]:
        assert run in main_log_of(tmp_path, run).read_text()
    assert len(list(tmp_path.glob("stack.log*"))) == 1 + 3
    assert rotated.exists()
