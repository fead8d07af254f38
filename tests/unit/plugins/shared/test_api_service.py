"""The base of API services, by a service that is not OpenStack's."""

import sqlite3
import stat
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pytest

from doitstack.errors import CommandError, ServiceError, SettingsError
from doitstack.installed_trees import InstalledTrees
from doitstack.processes.program import Program
from doitstack.services.services import Services
from doitstack.stack import Stack
from doitstack_plugins.backing import mariadb
from doitstack_plugins.shared import api_service, tree_daemons
from doitstack_plugins.shared.api_service import ApiService
from doitstack_plugins.shared.conf_files import Sections
from tests.e2e.samples import free_ports
from tests.unit.recorded_actions import RecordedActions, make_stack
from tests.unit.source_repository import make_repository

pytestmark = pytest.mark.usefixtures("no_fork_server", "supervisord")


class Tides(ApiService):
    name = "tides"
    services = ("tides-api",)
    requirements = ("tides",)
    process = "tides-api"
    daemons: ClassVar[Mapping[str, str]] = {"tides-moon": "moon", "tides-sun": "sun"}
    port = "9777"
    wsgi = "tides:application"
    catalog_type = "tides"
    endpoint_path = "/v1"
    manage = "tides-manage"

    def conf(self, stack: Stack) -> Sections:
        return {"DEFAULT": {"sea": stack.settings.get("SEA", "north")}}


tides = Tides()


def make(tmp_path: Path, services: str = "key,tides-api,tides-moon", **environ: str) -> Stack:
    stack = make_stack(tmp_path, ENABLED_SERVICES=services, **environ)
    tides.source(stack.settings)
    return stack


def port() -> dict[str, str]:
    return {"TIDES_SERVICE_PORT": free_ports()["GLANCE_SERVICE_PORT"]}


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return make(tmp_path, **port())


def test_settings_have_the_name_of_the_service(tmp_path: Path) -> None:
    settings = make(tmp_path, TIDES_SERVICE_PORT="81").settings
    assert settings["TIDES_SERVICE_URI"] == "http://127.0.0.1:81"
    assert settings["TIDES_CONF_DIR"] == f"{settings['DATA_DIR']}/tides/etc"


def test_steps_have_the_name_of_the_service_and_of_its_actions(tmp_path: Path) -> None:
    stack = make(tmp_path)
    hooks = (tides.stack_pre_install, tides.stack_install, tides.stack_post_config)
    steps = [step for hook in (*hooks, tides.unstack, tides.clean) for step in hook(stack)]
    assert [step.name for step in steps] == [step.command for step in steps]
    assert [step.name for step in steps] == [
        *("check_tides", "install_tides", "configure_tides", "init_tides", "create_tides_accounts"),
        *("stop_tides", "clean_tides"),
    ]


def test_check_reports_all_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="tides-api needs key;"):
        tides.check(make(tmp_path, "tides-api", **port()))


def test_database_is_migrated_with_the_configuration(stack: Stack) -> None:
    stage = RecordedActions(lambda program: None)
    with stack.acting(stage):
        tides.configure(stack)
        tides.init(stack)
    (program,) = stage.programs
    conf = stack.data_dir / "tides" / "etc" / "tides.conf"
    assert [Path(program.argv[0]).name, *program.argv[1:]] == [
        *("tides-manage", f"--config-file={conf}", "db_sync")
    ]
    assert (stat.S_IMODE(conf.stat().st_mode), conf.read_text()) == (
        *(0o600, "[DEFAULT]\nsea = north\n"),
    )
    assert mariadb.database_id(stack, "tides")


@pytest.mark.parametrize("trees", [["tides"], []])
def test_failed_migration_of_a_tree_tells_what_helps_if_one_is_gone(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, trees: list[str]
) -> None:
    def fail(program: Program) -> None:
        raise CommandError("tides-manage ended with code 1", 1)

    monkeypatch.setattr(InstalledTrees, "used", lambda _: trees)
    stage = RecordedActions(fail)
    monkeypatch.setattr(tides.__class__, "schema_source", lambda *_: "")
    with stack.acting(stage), pytest.raises(CommandError):
        tides.init(stack)
    hint = "if a migration was taken back: RECREATE_DB=True doit stack"
    assert (hint in stage.said) is bool(trees)


class KeptTides(Tides):
    keeps_schema = True

    def migrate(self, stack: Stack) -> None:
        super().migrate(stack)
        with closing(sqlite3.connect(mariadb.sqlite_file(stack, self.name))) as connection:
            connection.execute("CREATE TABLE sea (name TEXT)")


kept_tides = KeptTides()


def install_version(stack: Stack, version: str) -> None:
    """Make the record of what is installed."""
    packages = kept_tides.environment(stack).site_packages
    record = packages / f"tides-{version}.dist-info" / "RECORD"
    record.parent.mkdir(parents=True)
    record.write_text("")


def migrated(top_dir: Path, *, version: str = "1", sea: str = "", also: str = "") -> bool:
    """Make the database of a new stack; return whether it was migrated, not loaded."""
    cache = str(top_dir.parent / "cache")
    stack = make(top_dir, DOITSTACK_CACHE_DIR=cache, **({"SEA": sea} if sea else {}))
    install_version(stack, version)
    stage = RecordedActions(lambda program: None)
    with stack.acting(stage):
        kept_tides.configure(stack)
        with (kept_tides.conf_dir(stack) / "tides.conf").open("a") as conf:
            conf.write(also)
        is_needed = kept_tides.needs_manager(stack)
        kept_tides.init(stack)
    with closing(sqlite3.connect(mariadb.sqlite_file(stack, "tides"))) as connection:
        assert connection.execute("SELECT * FROM sea").fetchall() == []
    assert is_needed or not stage.programs or also
    return bool(stage.programs)


def test_schema_of_the_same_installation_is_loaded_and_needs_no_program(tmp_path: Path) -> None:
    assert migrated(tmp_path / "one")
    assert not migrated(tmp_path / "two")
    assert not migrated(tmp_path / "three", sea="south")
    assert migrated(tmp_path / "four", version="2")


def test_merged_configuration_is_migrated(tmp_path: Path) -> None:
    assert migrated(tmp_path / "one", also="[quota]\nfish = 7\n")
    assert migrated(tmp_path / "two")
    assert migrated(tmp_path / "three", also="[quota]\nfish = 7\n")


def test_other_migrations_of_the_plugin_are_not_the_kept_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert migrated(tmp_path / "one")
    (tmp_path / "another.py").write_text("another file")
    monkeypatch.setattr(api_service.inspect, "getfile", lambda _: tmp_path / "another.py")
    assert migrated(tmp_path / "two")


def test_schema_is_not_kept_unless_the_service_says_so(stack: Stack) -> None:
    install_version(stack, "1")
    assert tides.schema_source(stack) == ""
    assert tides.needs_manager(stack)
    stack.settings.update({"THIS_HOST": "compute1"})
    assert not tides.needs_manager(stack), "a subnode has no databases"


def test_endpoint_and_user_are_created(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    created: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        api_service.service_accounts, "create", lambda stack, *words: created.append(words)
    )
    tides.create_accounts(stack)
    assert created == [("tides", "tides", "tides", f"{tides.uri(stack)}/v1")]


def test_api_is_started_then_the_enabled_daemons(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[Any] = []
    monkeypatch.setattr(stack, "run_process", lambda name, argv, **_: done.append((name, *argv)))
    monkeypatch.setattr(api_service, "wait_until_served", lambda *_: done.append("answers"))
    monkeypatch.setattr(tides.__class__, "wait_for_daemons", lambda *_: done.append("daemons"))
    with stack.acting(RecordedActions(lambda program: None)):
        tides.start(stack)
    conf = f"--config-file={stack.data_dir / 'tides/etc/tides.conf'}"
    api, daemon, *rest = done
    assert api[0] == "tides-api"
    assert daemon[:: len(daemon) - 1] == ("tides-moon", conf)
    assert rest == ["answers", "daemons"]


def test_daemons_do_not_start_beside_new_code_of_the_api(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[Any] = []
    monkeypatch.setattr(Services, "is_up", lambda *_: True)
    monkeypatch.setattr(stack, "run_process", lambda name, argv, **_: done.append(name))
    monkeypatch.setattr(
        tree_daemons, "stop_outdated", lambda _, names, code: done.append(("stop", *names))
    )
    monkeypatch.setattr(api_service, "wait_until_served", lambda *_: done.append("answers"))
    monkeypatch.setattr(tides.__class__, "wait_for_daemons", lambda *_: None)
    with stack.acting(RecordedActions(lambda program: None)):
        tides.start(stack)
    assert done == [("stop", "tides-moon"), "tides-api", "answers", "tides-moon", "answers"]


def test_dead_daemon_is_an_error(stack: Stack) -> None:
    with stack.acting(RecordedActions(lambda program: None)):
        with pytest.raises(ServiceError, match="service tides-moon does not run"):
            tides.wait_for_daemons(stack)
        stack.run_process("tides-moon", ["sleep", "1000"])
        tides.wait_for_daemons(stack)


def test_stop_stops_what_an_earlier_configuration_started(stack: Stack) -> None:
    for name in ("tides-api", "tides-sun"):
        stack.run_process(name, ["sleep", "1000"], wait=False)
    tides.stop(stack)
    assert [one.name for one in stack.services.status() if one.pid] == []


def test_processes_are_restarted_for_another_configuration_or_database(tmp_path: Path) -> None:
    stack = make(tmp_path)
    with stack.acting(RecordedActions(lambda program: None)):
        generations = [tides.generation(stack)]
        tides.configure(stack)
        generations.append(tides.generation(stack))
        mariadb.create(stack, "tides")
        generations.append(tides.generation(stack))
        (stack.data_dir / "tides" / "etc" / "tides.conf").write_text("[DEFAULT]\nsea = merged\n")
        generations.append(tides.generation(stack))
    assert len(set(generations)) == 4
    assert tides.environ(stack)["TIDES_GENERATION"] == generations[-1]


def test_new_migration_in_a_tree_migrates_and_leaves_the_rest_to_the_reload(tmp_path: Path) -> None:
    def state() -> tuple[str, str]:
        stack = make(tmp_path)
        return tides.schema(stack), tides.generation(stack)

    tree = make_repository(tmp_path / ".stack" / "pbr")
    packages = tides.environment(make(tmp_path)).site_packages
    (packages / "pbr-7.dist-info").mkdir(parents=True)
    schema, generation = state()
    (tree / "sample/db/migrations/versions/2_second.py").write_text("revision = 2\n")
    assert state()[0] != schema
    assert state()[1] == generation


def test_clean_removes_configuration_data_and_environment(stack: Stack) -> None:
    with stack.acting(RecordedActions(lambda program: None)):
        tides.init(stack)
        tides.environment(stack).path.mkdir(parents=True)
        tides.remove(stack)
    assert not tides.data(stack).exists()
    assert not tides.environment(stack).path.exists()
