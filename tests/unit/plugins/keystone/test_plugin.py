"""Keystone's functions, with its programs only recorded."""

import base64
import configparser
import stat
from pathlib import Path

import pytest

from doitstack.errors import CommandError, SettingsError
from doitstack.processes.program import Program
from doitstack.stack import Stack
from doitstack.steps import Kind
from doitstack.uptodate import Unchanged
from doitstack_plugins.backing import mariadb
from doitstack_plugins.keystone.plugin import plugin as keystone
from tests.e2e.samples import free_ports
from tests.unit.recorded_actions import RecordedActions, make_stack

pytestmark = pytest.mark.usefixtures("no_fork_server")


def on_stage(stack: Stack, *actions: object, play=lambda program: None) -> RecordedActions:
    stage = RecordedActions(play)
    with stack.acting(stage):
        for action in actions:
            action(stack)
    return stage


def make_database(program: Program) -> None:
    if "db_sync" in program.argv:
        conf = configparser.RawConfigParser()
        conf.read(program.argv[1].removeprefix("--config-file="))
        path = conf["database"]["connection"].removeprefix("sqlite:///").replace("$$", "$")
        Path(path).write_text("tables")


def test_hooks_declare_without_doing(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    for hook in (keystone.stack_pre_install, keystone.stack_install, keystone.stack_post_config):
        assert list(hook(stack))
    assert list(tmp_path.iterdir()) == []


def test_main_line_of_keystone(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    hooks = (keystone.stack_install, keystone.stack_post_config, keystone.stack_extra)
    steps = [step for hook in hooks for step in hook(stack)]
    names = [step.name for step in steps if step.kind is Kind.RUN]
    assert names == [
        "configure_keystone",
        "fernet_setup",
        "credential_setup",
        "put_openstack",
        "init_keystone",
        "start_keystone",
        "bootstrap_keystone",
        "import_sdk",
        "wait_for_keystone",
        "check_admin",
        "create_service_domain",
        "create_demo_accounts",
        "write_clouds",
        "restart_keystone",
    ]


def test_source_trees_are_fetched_before_anything_looks_at_them(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, LIBS_FROM_GIT="osc-placement")
    names = [
        step.name
        for hook in (keystone.stack_install, keystone.stack_post_config)
        for step in hook(stack)
    ]
    assert names.index("put_openstack") > names.index("async_wait-install_keystone")


def test_keystone_is_restarted_if_sections_were_merged(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    on_stage(stack, keystone.configure)
    before = keystone.wsgi_environ(stack)
    assert keystone.wsgi_environ(stack) == before
    with (stack.data_dir / "keystone" / "etc" / "keystone.conf").open("a") as file:
        file.write("expiration = 600\n")
    assert keystone.wsgi_environ(stack) != before


def test_configuration_is_private_and_complete(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, DATA_DIR=f"{tmp_path}/a$b")
    on_stage(stack, keystone.configure)
    path = stack.data_dir / "keystone" / "etc" / "keystone.conf"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    conf = configparser.RawConfigParser()
    conf.read(path)
    root = f"{tmp_path}/a$$b/keystone"
    assert conf["database"]["connection"] == f"sqlite:///{root}/keystone.db"
    assert conf["fernet_tokens"]["key_repository"] == f"{root}/etc/fernet-keys"
    assert conf["cache"]["backend"] == "dogpile.cache.memory"
    assert "p$ 'w" not in path.read_text()


def test_keys_are_private_and_made_once(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    assert not keystone.has_keys(stack, "fernet")
    on_stage(stack, keystone.fernet_setup, keystone.credential_setup)
    assert keystone.has_keys(stack, "fernet")
    assert keystone.has_keys(stack, "credential")
    keys = sorted((stack.data_dir / "keystone" / "etc").glob("*-keys/*"))
    assert [path.name for path in keys] == ["0", "1"] * 2
    assert len({path.read_text() for path in keys}) == 4
    for path in keys:
        assert len(base64.urlsafe_b64decode(path.read_text())) == 32
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_database_is_believed_only_after_a_whole_migration(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    path = stack.data_dir / "keystone" / "keystone.db"

    def killed(program: Program) -> None:
        path.write_text("half")
        raise CommandError("killed", -9)

    with pytest.raises(CommandError):
        on_stage(stack, keystone.configure, keystone.init, play=killed)
    assert mariadb.database_id(stack, "keystone") == ""

    def fresh(program: Program) -> None:
        assert path.read_text() == ""
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        make_database(program)

    stage = on_stage(stack, keystone.init, play=fresh)
    first = mariadb.database_id(stack, "keystone")
    assert first
    assert stage.components == ["dbsync"]
    on_stage(stack, keystone.init)
    assert (mariadb.database_id(stack, "keystone"), path.read_text()) == (first, "tables")


def test_everything_is_created_again_for_another_database(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    on_stage(stack, keystone.configure, keystone.init, play=make_database)
    before = keystone.configuration(stack)
    assert keystone.configuration(stack) == before
    (stack.data_dir / "keystone" / "keystone.db").unlink()
    assert keystone.configuration(stack) != before
    on_stage(stack, keystone.init, play=make_database)
    assert keystone.configuration(stack) != before


@pytest.mark.parametrize("changed", ["ADMIN_PASSWORD", "KEYSTONE_SERVICE_PORT", "REGION_NAME"])
def test_everything_is_created_again_for_other_settings(tmp_path: Path, changed: str) -> None:
    one, other = make_stack(tmp_path), make_stack(tmp_path, **{changed: "123"})
    assert keystone.configuration(one) != keystone.configuration(other)
    assert keystone.generation(one) != keystone.generation(other)


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ("setup.cfg", []),
        ("keystone/common/sql/migrations/versions/2.py", []),
        ("keystone/cmd/bootstrap.py", ["bootstrap_keystone"]),
    ],
)
def test_tree_is_bootstrapped_again_for_another_bootstrap_alone(
    tmp_path: Path, changed: str, again: list[str]
) -> None:
    def made_from() -> dict[str, str]:
        steps = keystone.stack_post_config(make_stack(tmp_path))
        checks = ((step.name, step.doit.get("uptodate", [])) for step in steps)
        return {
            name: check._digest()
            for name, found in checks
            for check in found
            if isinstance(check, Unchanged)
        }

    path = tmp_path / ".stack" / "keystone" / changed
    path.parent.mkdir(parents=True)
    (tmp_path / ".stack/keystone/pyproject.toml").touch()
    before = made_from()
    path.write_text("changed")
    after = made_from()
    different = [name for name in before if before[name] != after[name]]
    assert [name for name in different if name != "init_keystone"] == again


def test_bootstrap_gets_the_password_by_its_environment(tmp_path: Path) -> None:
    stage = on_stage(make_stack(tmp_path), keystone.bootstrap)
    (program,) = stage.programs
    assert program.env is not None
    assert program.env["OS_BOOTSTRAP_PASSWORD"] == "p$ 'w"
    assert "--bootstrap-public-url=http://127.0.0.1:5000" in program.argv
    assert not any("p$" in str(word) for word in program.argv)


def test_only_http_is_served(tmp_path: Path) -> None:
    name = "KEYSTONE_SERVICE_PROTOCOL"
    settings = make_stack(tmp_path, KEYSTONE_SERVICE_PROTOCOL="https").settings
    with pytest.raises(SettingsError, match=r"^KEYSTONE_SERVICE_PROTOCOL=https: only http"):
        keystone.checked_settings[name](settings, name)


def test_clean_takes_away_what_keystone_made_and_nothing_else(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    actions = (keystone.configure, keystone.fernet_setup, keystone.init)
    on_stage(stack, *actions, play=make_database)
    (tmp_path / "theirs").touch()
    on_stage(stack, *(keystone.remove, mariadb.clean_databases) * 2)
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert left == [tmp_path / "theirs"]


def test_clean_leaves_a_configuration_that_may_be_anothers(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, KEYSTONE_CONF_DIR=str(tmp_path / "etc"))
    on_stage(stack, keystone.configure, keystone.remove)
    assert (tmp_path / "etc" / "keystone.conf").is_file()


def test_port_is_checked_before_constraints_are_there(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, UPPER_CONSTRAINTS_FILE="fetched-later.txt", **free_ports())
    on_stage(stack, keystone.check)


def test_port_that_is_none_is_a_mistake_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^KEYSTONE_SERVICE_PORT=abc: use a whole number"):
        make_stack(tmp_path, KEYSTONE_SERVICE_PORT="abc")


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_defaults_follow_the_service_host(tmp_path: Path, host: str) -> None:
    stack = make_stack(tmp_path, SERVICE_HOST=host, KEYSTONE_SERVICE_PORT="81")
    assert stack.settings["KEYSTONE_SERVICE_URI_V3"] == "http://[::1]:81/v3"


def test_manager_is_needed_even_if_the_schema_is_kept(tmp_path: Path) -> None:
    assert keystone.needs_manager(make_stack(tmp_path))
