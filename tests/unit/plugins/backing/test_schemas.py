"""Schemas that are loaded instead of migrated: with SQLite itself, and MariaDB only recorded."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from doitstack.errors import CommandError
from doitstack.processes.program import Program
from doitstack.stack import Stack
from doitstack_plugins.backing import mariadb, schemas
from tests.unit.plugins.backing.test_mariadb import make_mysql
from tests.unit.recorded_actions import RecordedActions, make_stack

ROWS = [("revision", 7)]


class Migrations:
    """Migrates a database of SQLite, and counts how often."""

    def __init__(self, stack: Stack) -> None:
        self.path = mariadb.sqlite_file(stack, "tides")
        self.times = 0

    def __call__(self) -> None:
        self.times += 1
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS version (name TEXT, number INTEGER)")
            connection.execute("DELETE FROM version")
            connection.executemany("INSERT INTO version VALUES (?, ?)", ROWS)
            connection.commit()

    def rows(self) -> list[tuple[str, int]]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute("SELECT * FROM version").fetchall()


def make(top_dir: Path, **environ: str) -> Stack:
    cache = str(top_dir.parent / "cache")
    return make_stack(top_dir, **{"DOITSTACK_CACHE_DIR": cache, **environ})


def migrate(stack: Stack, source: str = "1.0") -> tuple[Migrations, list[str]]:
    """Migrate a database; return how, and what was said."""
    migrations, recorded = Migrations(stack), RecordedActions(lambda program: None)
    with stack.acting(recorded), mariadb.migrating(stack, "tides"):
        schemas.migrate(stack, "tides", source, migrations)
    return migrations, recorded.said


def entries(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "cache").glob("schemas/*"))


def test_second_stack_loads_what_the_first_has_migrated(tmp_path: Path) -> None:
    first, second = make(tmp_path / "one"), make(tmp_path / "two")
    assert not schemas.is_kept(first, "tides", "1.0")
    migrations, _ = migrate(first)
    assert (migrations.times, len(entries(tmp_path))) == (1, 1)
    assert schemas.is_kept(second, "tides", "1.0")
    migrations, said = migrate(second)
    assert (migrations.times, migrations.rows(), said) == (0, ROWS, [])
    assert migrations.path.stat().st_mode & 0o777 == 0o600
    assert mariadb.database_id(second, "tides")


def test_existing_database_is_migrated(tmp_path: Path) -> None:
    stack = make(tmp_path / "one")
    migrate(stack)
    assert not schemas.is_kept(stack, "tides", "1.0")
    migrations, _ = migrate(stack)
    assert migrations.times == 1


def test_recreated_database_is_loaded(tmp_path: Path) -> None:
    stack = make(tmp_path / "one")
    migrate(stack)
    mariadb.forget_databases(stack)
    migrations, _ = migrate(stack)
    assert (migrations.times, migrations.rows()) == (0, ROWS)


def other_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.0")


def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pass


@pytest.mark.parametrize(
    ("source", "setting", "change"),
    [
        ("2.0", "True", nothing),
        ("", "True", nothing),
        ("1.0", "False", nothing),
        ("1.0", "True", other_version),
    ],
)
def test_schema_of_something_else_is_not_loaded(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    setting: str,
    change: Callable[[pytest.MonkeyPatch], None],
) -> None:
    migrate(make(tmp_path / "one"))
    change(monkeypatch)
    second = make(tmp_path / "two", KEEP_SCHEMAS=setting)
    assert not schemas.is_kept(second, "tides", source)
    migrations, _ = migrate(second, source)
    assert migrations.times == 1


@pytest.mark.parametrize("how", [{"source": ""}, {"KEEP_SCHEMAS": "False"}])
def test_nothing_is_kept_if_it_may_not_be(tmp_path: Path, how: dict[str, str]) -> None:
    source = how.pop("source", "1.0")
    migrate(make(tmp_path / "one", **how), source)
    assert entries(tmp_path) == []


def test_failed_migrations_are_not_kept(tmp_path: Path) -> None:
    stack = make(tmp_path / "one")

    def fail() -> None:
        Migrations(stack)()
        raise CommandError("killed", -9)

    recorded = RecordedActions(lambda program: None)
    with (
        stack.acting(recorded),
        pytest.raises(CommandError),
        mariadb.migrating(stack, "tides"),
    ):
        schemas.migrate(stack, "tides", "1.0", fail)
    assert entries(tmp_path) == []


def test_damaged_schema_is_migrated_and_replaced(tmp_path: Path) -> None:
    migrate(make(tmp_path / "one"))
    (entry,) = entries(tmp_path)
    whole = entry.read_bytes()
    entry.write_bytes(whole[:-1])
    migrations, _ = migrate(make(tmp_path / "two"))
    assert (migrations.times, entry.read_bytes()) == (1, whole)


def test_unusable_cache_is_a_line_and_no_failure(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    migrations, said = migrate(make(tmp_path / "one"))
    assert migrations.times == 1
    line = f"the cache {tmp_path}/cache/schemas is not used: Not a directory"
    assert set(said) == {line}


def test_what_is_no_database_is_not_kept(tmp_path: Path) -> None:
    stack = make(tmp_path / "one")
    recorded = RecordedActions(lambda program: None)
    path = mariadb.sqlite_file(stack, "tides")
    with stack.acting(recorded), mariadb.migrating(stack, "tides"):
        schemas.migrate(stack, "tides", "1.0", lambda: path.write_text("text" * 100))
    assert recorded.said == ["the schema of tides is not kept: unable to serialize 'main'"]


class Server:
    """Plays MariaDB's programs: one database, which is text."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.content = ""
        self.refuses = False
        self.version = "10.11"

    def __call__(self, program: Program) -> None:
        statement = (program.stdin or b"").decode()
        if statement.startswith(("CREATE", "DROP")):
            self.content = ""
            directory = self.stack.data_dir / "mysql" / "data" / "tides"
            directory.mkdir(parents=True, exist_ok=True)
            return
        assert program.argv[-1] == "tides"
        self.content += "half" if self.refuses else statement
        if self.refuses:
            raise CommandError("no space", 1)

    def output_of(self, argv: list[str]) -> str:
        return self.version if argv[-1] == "--version" else self.content

    def migrate(self) -> None:
        assert self.content == "", "not from the beginning"
        self.content = "migrated"


@pytest.fixture
def mysql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Server]:
    monkeypatch.setattr(schemas, "_SERVER", shutil.which("true"))

    def make(name: str) -> Server:
        cache = str(tmp_path / "cache")
        stack = make_mysql(tmp_path / name, DOITSTACK_CACHE_DIR=cache)
        server = Server(stack)
        monkeypatch.setattr(stack, "output_of", server.output_of)
        return server

    return make


def run(server: Server) -> tuple[str, int, list[str]]:
    """Migrate; return the database's content, how often it was migrated, and what was said."""
    times = 0

    def migrate() -> None:
        nonlocal times
        times += 1
        server.migrate()

    recorded = RecordedActions(server)
    with server.stack.acting(recorded), mariadb.migrating(server.stack, "tides"):
        schemas.migrate(server.stack, "tides", "1.0", migrate)
    return server.content, times, recorded.said


def test_schema_of_mariadb_is_loaded(mysql: Callable[[str], Server]) -> None:
    assert run(mysql("one")) == ("migrated", 1, [])
    assert run(mysql("two")) == ("migrated", 0, [])


def test_schema_of_another_version_of_mariadb_is_not_loaded(mysql: Callable[[str], Server]) -> None:
    run(mysql("one"))
    server = mysql("two")
    server.version = "11.4"
    assert run(server) == ("migrated", 1, [])


def test_schema_that_cannot_be_loaded_is_migrated_from_the_beginning(
    mysql: Callable[[str], Server],
) -> None:
    run(mysql("one"))
    server = mysql("two")
    server.refuses = True
    content, times, (said,) = run(server)
    assert (content, times) == ("migrated", 1)
    assert said.startswith("cannot load the schema of tides that was kept (")


def test_nothing_is_known_to_be_kept_before_mariadb_is_installed(
    mysql: Callable[[str], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(mysql("one"))
    server = mysql("two")
    assert schemas.is_kept(server.stack, "tides", "1.0")
    monkeypatch.setattr(schemas, "_SERVER", "/nonexistent")
    assert not schemas.is_kept(server.stack, "tides", "1.0")
