"""A schema that is loaded is what the migrations make, and they accept it, for each service.

Random ids and times are not compared. The packages come from the package index, or from uv's cache.
"""

import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.conftest import MakeStackDir, StackDir, user_caches
from tests.e2e.samples import free_ports, needs_packages

pytestmark = pytest.mark.timeout(1800)

MIGRATIONS = {
    "keystone": ("keystone-manage", "keystone.conf", "db_sync"),
    "glance": ("glance-manage", "glance-api.conf", "db_sync"),
    "placement": ("placement-manage", "placement.conf", "db", "sync"),
    "neutron": ("neutron-db-manage", "neutron.conf", "upgrade", "heads"),
    "cinder": ("cinder-manage", "cinder.conf", "db", "sync"),
}
"""The program that migrates each service's database, the file that it reads, and its arguments."""

VARYING = re.compile(
    r"\b[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}\b|\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?"
)
ON_MARIADB = ("key", "mysql", "rabbit", "g-api", "placement-api", "neutron", "c-api")


def content(stack: StackDir, name: str) -> list[str]:
    """Return the statements that make the database `name`."""
    if "mysql" in stack.environ["ENABLED_SERVICES"]:
        defaults = f"--defaults-file={stack.dest}/data/mysql/my.cnf"
        options = ("--skip-dump-date", "--skip-comments", "--skip-extended-insert", "--hex-blob")
        command = ["mariadb-dump", defaults, *options, name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()
    with closing(sqlite3.connect(stack.dest / "data" / name / f"{name}.db")) as database:
        return list(database.iterdump())


def constant(lines: list[str]) -> list[str]:
    """Return the statements without what each migration chooses: ids, times, the order of keys."""
    return sorted(VARYING.sub("?", line).rstrip(",") for line in lines)


def recreate(stack: StackDir, *names: str, keep: str) -> str:
    """Make new databases; return the output."""
    tasks = [_task(name) for name in names]
    return stack.run(*tasks, KEEP_SCHEMAS=keep, RECREATE_DB="True", timeout=900).ok().out


def _task(name: str) -> str:
    phase = "post-config" if name == "keystone" else "install"
    return f"stack:{phase}:{name}:init_{name}"


def migrate(stack: StackDir, name: str) -> None:
    """Migrate the database by the program itself."""
    program, conf, *words = MIGRATIONS[name]
    path = stack.dest / "venvs" / name / "bin" / program
    option = f"--config-file={stack.dest}/data/{name}/etc/{conf}"
    subprocess.run([path, option, *words], capture_output=True, check=True, cwd="/")


def check_schemas(stack: StackDir, *names: str) -> None:
    """Compare what is loaded with what is migrated, before and after another migration."""
    assert "alembic" in recreate(stack, *names, keep="False")
    migrated = {name: constant(content(stack, name)) for name in names}
    recreate(stack, *names, keep="True")
    kept = {name: content(stack, name) for name in names}
    assert "alembic" not in recreate(stack, *names, keep="True")
    for name in names:
        loaded = content(stack, name)
        assert loaded == kept[name], name
        assert constant(loaded) == migrated[name], name
        migrate(stack, name)
        assert content(stack, name) == loaded, name


@pytest.fixture
def make(stack_dir: MakeStackDir) -> Iterator[MakeStackDir]:
    """Return a maker of stack directories, which are cleaned in the end."""
    made: list[StackDir] = []

    def make(*services: str) -> StackDir:
        enabled = ",".join(services)
        made.append(stack_dir(services=enabled, **user_caches(), **free_ports()))
        return made[-1]

    yield make
    for one in made:
        one.run("clean", timeout=300)


def test_schema_of_keystone_on_sqlite(make: MakeStackDir) -> None:
    check_schemas(make("key"), "keystone")


@pytest.mark.full
def test_schemas_of_other_services_on_sqlite(make: MakeStackDir) -> None:
    check_schemas(make("key", "g-api", "placement-api"), "glance", "placement")


@needs_packages
@pytest.mark.full
def test_schemas_on_mariadb(make: MakeStackDir) -> None:
    check_schemas(make(*ON_MARIADB), *MIGRATIONS)
