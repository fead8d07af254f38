"""What the plugins of services have in common: what they declare, and what they write."""

import configparser
import importlib
import os
import shutil
import socket
import stat
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from doitstack.errors import ServiceError, SettingsError
from doitstack.stack import Stack
from doitstack_plugins import all_services
from doitstack_plugins.backing import debian_packages, mariadb, memcached, rabbitmq
from doitstack_plugins.keystone import service_accounts
from doitstack_plugins.shared import health, venvs
from doitstack_plugins.swift import conf as swift_conf
from tests.e2e.samples import PORTS, free_ports
from tests.unit.plugin_stage import Stage, make_stack

ALL = "key,mysql,rabbit,g-api,placement-api,s-proxy,s-object,s-container,s-account,horizon"
MODULES = {
    "system_packages": "backing.debian_packages",
    "cache": "backing.memcached",
    "database": "backing.mariadb",
    "broker": "backing.rabbitmq",
    **{
        name: f"{name}.plugin"
        for name in ("keystone", "glance", "placement", "neutron", "nova", "cinder", "swift")
    },
    "horizon": "horizon.plugin",
    "ready": "all_services",
}
NAMES = ("cache", "broker", "glance", "placement", "swift", "horizon", "ready")
HOOKS = (
    *("stack_pre_install", "stack_install", "stack_post_config"),
    *("stack_extra", "stack_test_config"),
)


def plugins() -> dict[str, ModuleType]:
    return {name: importlib.import_module(f"doitstack_plugins.{MODULES[name]}") for name in NAMES}


def make(tmp_path: Path, services: str = ALL, **environ: str) -> Stack:
    stack = make_stack(tmp_path, ENABLED_SERVICES=services, SERVICE_PASSWORD="p$% w", **environ)
    mariadb.source(stack.settings)
    for plugin in plugins().values():
        if hasattr(plugin, "source"):
            plugin.source(stack.settings)
    return stack


def names(stack: Stack, plugin: ModuleType, hook: str) -> list[str]:
    return [step.name for step in getattr(plugin, hook, lambda stack: [])(stack)]


def read(path: Path) -> configparser.RawConfigParser:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    conf = configparser.RawConfigParser()
    conf.read(path)
    return conf


@pytest.mark.parametrize("name", NAMES)
def test_a_service_that_is_off_costs_nothing(tmp_path: Path, name: str) -> None:
    stack = make(tmp_path, "tempest" if name == "ready" else "key,tempest")
    assert [names(stack, plugins()[name], hook) for hook in HOOKS] == [[]] * len(HOOKS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["glance", "placement", "swift", "horizon"])
def test_keystone_is_installed_first_as_everything_waits_for_it(tmp_path: Path, name: str) -> None:
    stack = make(tmp_path)
    here = list(plugins()[name].stack_install(stack))
    waits = [step.waits for step in here if step.name == f"install_{name}"]
    assert waits == [("install_keystone",)]
    assert venvs.first(make(tmp_path / "alone", "tempest")) == []


def test_futures_are_devstacks_and_each_is_waited_for(tmp_path: Path) -> None:
    stack = make(tmp_path)
    steps = [
        step
        for hook in HOOKS
        for plugin in (debian_packages, *plugins().values())
        for step in getattr(plugin, hook, lambda stack: [])(stack)
    ]
    futures = [step.name for step in steps if step.kind.value == "async_run"]
    waited = [name for step in steps if step.kind.value == "async_wait" for name in step.waits]
    devstacks = {"create_glance_accounts", "create_swift_accounts", "configure_horizon"}
    assert devstacks | {"init_glance", "init_placement", "init_swift"} <= set(futures)
    assert sorted(futures) == sorted(waited)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["g-api", "placement-api", "s-proxy", "horizon"])
def test_a_service_says_which_others_it_needs(tmp_path: Path, name: str) -> None:
    stack = make(tmp_path, name)
    modules = {"g-api": "glance", "placement-api": "placement", "s-proxy": "swift"}
    plugin = plugins()[modules.get(name, name)]
    (step,) = plugin.stack_pre_install(stack)
    with pytest.raises(SettingsError, match=rf"{name} needs key.*enable_service key"):
        step.action(stack)


EVERYTHING = (
    f"{ALL},neutron-api,n-api,n-api-meta,n-cond,n-sch,n-cpu,c-api,c-sch,c-vol,"
    "s-proxy,s-object,s-container,s-account"
)
IN_TREE = (*NAMES[:-1], "database", "keystone", "neutron", "nova", "cinder")


@pytest.mark.parametrize("setting", PORTS)
def test_a_port_of_another_is_told_before_anything_starts(tmp_path: Path, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = str(other.getsockname()[1])
        stack = make(tmp_path, EVERYTHING, **{**free_ports(), setting: taken})
        told = []
        for name in IN_TREE:
            module = importlib.import_module(f"doitstack_plugins.{MODULES[name]}")
            module.source(stack.settings)
            for step in module.stack_pre_install(stack):
                try:
                    step.action(stack)
                except ServiceError as error:
                    told.append(str(error))
    (error,) = told
    assert f"port {taken} is taken by" in error
    assert f"process {os.getpid()}" in error
    assert f"set {setting} in local.conf" in error


def test_configuration_of_glance_and_placement(tmp_path: Path) -> None:
    stack = make(tmp_path, "key,g-api,placement-api")
    glance, placement = plugins()["glance"], plugins()["placement"]
    glance.configure_glance(stack)
    placement.configure_placement(stack)
    conf = read(stack.data_dir / "glance" / "etc" / "glance-api.conf")
    assert conf["database"]["connection"] == f"sqlite:///{stack.data_dir}/glance/glance.db"
    assert conf["database"]["sqlite_synchronous"] == "false"
    assert conf["keystone_authtoken"]["password"] == "p$$% w"
    assert conf["keystone_authtoken"]["interface"] == "public"
    conf = read(stack.data_dir / "placement" / "etc" / "placement.conf")
    assert conf["placement_database"]["connection"].endswith("/placement.db")
    assert conf["keystone_authtoken"]["username"] == "placement"


def test_a_database_in_mariadb_has_no_options_of_sqlite(tmp_path: Path) -> None:
    assert list(mariadb.options(make(tmp_path), "glance")) == ["connection"]


def test_configuration_of_swift(tmp_path: Path) -> None:
    stack = make(tmp_path, SWIFT_HASH="h%h")
    swift_conf.configure_swift(stack)
    root = stack.data_dir / "swift" / "etc"
    assert read(root / "swift.conf")["swift-hash"]["swift_hash_path_prefix"] == "h%%h"
    proxy = read(root / "proxy-server.conf")
    assert proxy["filter:authtoken"]["password"] == "p$%% w"
    for name in proxy["pipeline:main"]["pipeline"].split()[:-1]:
        assert f"filter:{name}" in proxy
    assert read(root / "object-server.conf")["DEFAULT"]["bind_port"] == "6613"


def test_authtoken_is_a_block_with_the_service_user(tmp_path: Path) -> None:
    stack = make(tmp_path)
    block = service_accounts.authtoken(stack, "nova")
    assert block.startswith("[keystone_authtoken]\n")
    assert "username = nova\n" in block
    assert service_accounts.credentials(stack, "nova")["password"] == "p$% w"


def test_accounts_are_made_anew_for_another_keystone(tmp_path: Path) -> None:
    stack = make(tmp_path, "key")
    with stack.on_stage(Stage(lambda program: None)):
        before = service_accounts.key(stack, "url")
        assert service_accounts.key(stack, "other") != before
        mariadb.create(stack, "keystone")
        assert service_accounts.key(stack, "url") != before


def test_broker_has_ports_of_its_own(tmp_path: Path) -> None:
    settings = make(tmp_path, RABBIT_PORT="60000").settings
    ports = [settings.port(f"RABBIT_{name}") for name in ("PORT", "DIST_PORT", "EPMD_PORT")]
    assert len(set(ports)) == 3
    assert all(1024 <= port < 65536 for port in ports)


def test_a_vhost_is_made_once_for_the_data_of_the_broker(tmp_path: Path) -> None:
    stack, stage = make(tmp_path), Stage(lambda program: None)
    with stack.on_stage(stage):
        for _ in range(2):
            rabbitmq.add_vhost(stack, "cell")
    words = [list(map(str, program.argv[2:])) for program in stage.programs]
    assert words == [
        ["add_vhost", "cell"],
        ["set_permissions", "--vhost", "cell", "stackrabbit", ".*", ".*", ".*"],
    ]
    shutil.rmtree(tmp_path / ".stack/data/rabbit/mnesia")
    with stack.on_stage(stage):
        rabbitmq.add_vhost(stack, "cell")
    assert len(stage.programs) == 4


def test_broker_refuses_a_password_that_its_file_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="RABBIT_PASSWORD and RABBIT_USERID take letters"):
        rabbitmq.check_rabbit(make(tmp_path, RABBIT_PASSWORD="a b"))


def test_broker_url_quotes(tmp_path: Path) -> None:
    stack = make(tmp_path, RABBIT_PASSWORD="a/b", RABBIT_PORT="1234")
    assert rabbitmq.url(stack).startswith("rabbit://stackrabbit:a%2Fb@127.0.0.1:1234/")


def test_cache_is_emptied_only_where_there_is_one(tmp_path: Path) -> None:
    memcached.empty(make(tmp_path, "key"))
    memcached.empty(make(tmp_path, MEMCACHED_PORT="1"))  # nobody listens there


def test_addresses_are_told(tmp_path: Path) -> None:
    stack = make(tmp_path, "key,g-api", GLANCE_SERVICE_PORT="81")
    stage = Stage(lambda program: None)
    with stack.on_stage(stage):
        all_services.show_addresses(stack)
    dest = stack.dest
    assert stage.said == [
        "key is at http://127.0.0.1:5000/v3",
        "g-api is at http://127.0.0.1:81",
        f"the password of admin and demo is ADMIN_PASSWORD of local.conf, else {dest}/passwords",
        f"in a shell: source {dest}/openrc admin admin; openstack token issue",
        f"or: OS_CLIENT_CONFIG_FILE={dest}/clouds.yaml "
        f"{dest}/bin/openstack --os-cloud devstack-admin token issue",
    ]


@pytest.mark.parametrize(
    ("state", "updated_at", "works"),
    [
        ("up", None, False),
        ("up", "2026-01-01T00:00:10.000000", False),
        ("up", "2026-01-01T00:00:11.000000", True),
        ("down", "2026-01-01T00:00:11.000000", False),
    ],
)
def test_a_daemon_works_once_it_has_reported_since_its_start(
    state: str, updated_at: str | None, works: bool
) -> None:
    started = int(datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC).timestamp())
    listed = SimpleNamespace(state=state, updated_at=updated_at)
    assert health.has_reported(listed, started) is works
    assert health.has_reported(listed, started, trust_new=True) is (works or not updated_at)


def test_services_are_stopped_at_once_and_their_stores_later(tmp_path: Path) -> None:
    stack = make(tmp_path)
    for name in ("g-api", "mysql", "n-cpu-1", "of-a-plugin"):
        stack.run_process(name, ["sleep", "1000"], wait=False)
    (step,) = all_services.unstack(stack)
    step.action(stack)
    assert [one.name for one in stack.services.status() if one.pid] == ["mysql"]
    stack.services.stop_all()
