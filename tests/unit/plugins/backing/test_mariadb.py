"""Databases: their addresses and their ids, with MariaDB only recorded."""

import stat
from pathlib import Path

import pytest

from doitstack.errors import CommandError, SettingsError
from doitstack.processes.program import Program
from doitstack.stack import Stack
from doitstack_plugins.backing import mariadb
from tests.unit.recorded_actions import RecordedActions, make_stack


def make_mysql(tmp_path: Path, **environ: str) -> Stack:
    stack = make_stack(
        tmp_path, ENABLED_SERVICES="mysql", **{"DATABASE_PASSWORD": "p@/ w", **environ}
    )
    mariadb.source(stack.settings)
    stack.settings.default("MEMCACHED_PORT", "1")
    return stack


class Server:
    """Plays the client of MariaDB: databases are directories, as they are on disk."""

    def __init__(self, stack: Stack) -> None:
        self.data = stack.data_dir / "mysql" / "data"
        self.statements: list[str] = []

    def __call__(self, program: Program) -> None:
        assert not any("p@/ w" in str(word) for word in program.argv)
        statement = (program.stdin or b"").decode()
        self.statements.append(statement)
        name = statement.split("`")[1]
        if statement.startswith("CREATE"):
            (self.data / name).mkdir(parents=True, exist_ok=True)
        elif (self.data / name).is_dir():
            (self.data / name).rmdir()


def test_url_is_of_sqlite_unless_mysql_is_enabled(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    assert mariadb.url(stack, "glance") == f"sqlite:///{stack.data_dir}/glance/glance.db"
    assert mariadb.waits(stack) == []
    mysql = make_mysql(tmp_path, DATABASE_PORT="33")
    assert mariadb.url(mysql, "glance") == "mysql+pymysql://root:p%40%2F%20w@127.0.0.1:33/glance"
    assert mariadb.waits(mysql) == ["start_mysql"]


def test_names_are_plain(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="bad name for a database"):
        mariadb.url(make_stack(tmp_path), "../x")


def test_database_is_made_once_and_keeps_its_id(tmp_path: Path) -> None:
    stack = make_mysql(tmp_path)
    server = Server(stack)
    with stack.acting(RecordedActions(server)):
        before = mariadb.schema_key(stack, "nova")
        mariadb.create(stack, "nova")
        key = mariadb.schema_key(stack, "nova")
        mariadb.create(stack, "nova")
    assert before != key == mariadb.schema_key(stack, "nova")
    verbs = [statement.split()[0] for statement in server.statements]
    assert verbs == ["DROP", "CREATE", "CREATE"]


def test_database_is_created_again_if_requested(tmp_path: Path) -> None:
    stack = make_mysql(tmp_path, RECREATE_DB="True")
    names = [step.name for step in mariadb.stack_install(stack)]
    assert names == ["forget_databases", "start_mysql"]
    server = Server(stack)
    with stack.acting(RecordedActions(server)):
        mariadb.create(stack, "nova")
        first = mariadb.schema_key(stack, "nova")
        mariadb.forget_databases(stack)
        mariadb.create(stack, "nova")
    assert mariadb.schema_key(stack, "nova") != first
    assert [text.split()[0] for text in server.statements] == ["DROP", "CREATE"] * 2


def test_database_that_is_gone_has_no_id(tmp_path: Path) -> None:
    stack = make_mysql(tmp_path)
    server = Server(stack)
    with stack.acting(RecordedActions(server)):
        mariadb.create(stack, "nova")
        (server.data / "nova").rmdir()
        assert mariadb.database_id(stack, "nova") == ""


def test_half_a_migration_is_not_believed(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    path = stack.data_dir / "glance" / "glance.db"

    def migrate() -> None:
        with mariadb.migrating(stack, "glance"):
            assert path.read_text() == ""
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            path.write_text("half")
            raise CommandError("killed", -9)

    with stack.acting(RecordedActions(lambda program: None)):
        for _ in range(2):
            with pytest.raises(CommandError):
                migrate()
    assert mariadb.database_id(stack, "glance") == ""


def test_password_with_quotes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no quote and no backslash"):
        mariadb.check_mysql(make_mysql(tmp_path, DATABASE_PASSWORD="it's"))


def test_nothing_is_declared_without_mysql(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    for hook in (mariadb.stack_pre_install, mariadb.stack_install, mariadb.stack_post_config):
        assert list(hook(stack)) == []


def test_only_sqlite_has_options_of_sqlite(tmp_path: Path) -> None:
    assert list(mariadb.options(make_mysql(tmp_path), "glance")) == ["connection"]
    assert mariadb.options(make_stack(tmp_path), "glance")["sqlite_synchronous"] == "false"
