"""Neutron's functions, with its programs only recorded."""

import configparser
import stat
from pathlib import Path

import pytest

from doitstack.errors import SettingsError
from doitstack.planning.stack_directory import StackDirectory
from doitstack.stack import Stack
from doitstack.steps import Kind
from doitstack_plugins.backing import mariadb, rabbitmq
from doitstack_plugins.neutron import plugin as module
from tests.ports import free_port
from tests.unit.recorded_actions import RecordedActions, make_stack

pytestmark = pytest.mark.usefixtures("no_fork_server")

SERVICES = "key,mysql,rabbit,neutron-api"
neutron = module.plugin
HOOKS = (
    *(neutron.stack_pre_install, neutron.stack_install, neutron.stack_post_config),
    *(neutron.stack_extra, neutron.stack_test_config),
)


def make_neutron(top_dir: Path, **environ: str) -> Stack:
    stack = make_stack(top_dir, **{"ENABLED_SERVICES": SERVICES, **environ})
    for plugin in (mariadb, rabbitmq, neutron):
        plugin.source(stack.settings)
    stack.settings.default("NOVA_CONF_DIR", str(top_dir / "nova"))
    return stack


def read(path: Path) -> configparser.RawConfigParser:
    conf = configparser.RawConfigParser()
    assert conf.read(path) == [str(path)]
    return conf


def futures(stack: Stack) -> list[str]:
    steps = (step for hook in HOOKS for step in hook(stack))
    return [step.name for step in steps if step.kind is Kind.ASYNC_RUN]


def test_api_is_a_fork_of_what_has_imported_it(tmp_path: Path) -> None:
    stack = make_neutron(tmp_path)
    parent = neutron.wsgi_service(stack).forked_from
    assert parent
    assert "neutron.server.api" in parent.preload
    seen_by_python = {name: value for name, value in parent.env if name.startswith("PYTHON")}
    assert seen_by_python.items() <= neutron.wsgi_environ(stack).items()
    assert parent == neutron.parent(stack)


def test_futures_of_neutron(tmp_path: Path) -> None:
    alone = [
        *("install_neutron", "init_neutron", "create_neutron_accounts", "start_neutron"),
        "create_neutron_initial_network",
    ]
    assert futures(make_neutron(tmp_path)) == alone
    with_nova = make_neutron(tmp_path, ENABLED_SERVICES=f"{SERVICES},n-api")
    assert futures(with_nova) == [*alone[:3], "configure_neutron_nova", *alone[3:]]
    bare = make_neutron(tmp_path, NEUTRON_CREATE_INITIAL_NETWORKS="False")
    assert futures(bare) == alone[:4]


@pytest.mark.parametrize(
    ("given", "port"),
    [
        ({}, "9696"),
        ({"Q_PORT": "1"}, "1"),
        ({"NEUTRON_SERVICE_PORT": "2"}, "2"),
        ({"Q_PORT": "1", "NEUTRON_SERVICE_PORT": "2"}, "2"),
    ],
)
def test_the_port_has_two_names(tmp_path: Path, given: dict[str, str], port: str) -> None:
    settings = make_neutron(tmp_path, **given).settings
    assert settings["NEUTRON_SERVICE_URI"] == f"http://127.0.0.1:{port}"


def test_neutron_needs_more_than_itself(tmp_path: Path) -> None:
    port = str(free_port())
    lacking = make_neutron(tmp_path, ENABLED_SERVICES="key,neutron-api", NEUTRON_SERVICE_PORT=port)
    with pytest.raises(SettingsError, match="enable_service mysql rabbit"):
        neutron.check(lacking)


def test_configuration_is_private_and_complete(tmp_path: Path) -> None:
    stack = make_neutron(tmp_path)
    with stack.acting(RecordedActions(lambda program: None)):
        neutron.configure(stack)
    directory = stack.data_dir / "neutron" / "etc"
    for name in ("neutron.conf", "plugins/ml2/ml2_conf.ini"):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600
    assert (directory / "rootwrap.d").is_dir()
    conf, ml2 = read(directory / "neutron.conf"), read(directory / "plugins/ml2/ml2_conf.ini")
    assert conf["DEFAULT"]["core_plugin"] == "ml2"
    assert conf["database"]["connection"].endswith("/neutron")
    assert conf["nova"]["username"] == "nova"
    assert ml2["ml2"]["mechanism_drivers"] == "unwired"
    assert ml2["ml2_type_flat"]["flat_networks"] == "public"


def test_files_that_scripts_add_are_read(tmp_path: Path) -> None:
    stack = make_neutron(tmp_path, NEUTRON_SERVER_CONFIG_FILES=f"{tmp_path}/taas.ini")
    (tmp_path / "taas.ini").write_text("[taas]\n")
    before = neutron.generation(stack)
    assert neutron.wsgi_environ(stack)["OS_NEUTRON_CONFIG_FILES"].endswith(f";{tmp_path}/taas.ini")
    (tmp_path / "taas.ini").write_text("[taas]\nvlan = 1\n")
    assert neutron.generation(stack) != before


def test_neutron_is_configured_after_scripts_have_added_to_it(tmp_path: Path) -> None:
    stack = make_neutron(tmp_path)
    assert "configure_neutron" in [step.name for step in neutron.stack_post_config(stack)]


def test_nova_gets_its_settings_of_neutron_in_a_file_of_its_own(tmp_path: Path) -> None:
    stack = make_neutron(tmp_path)
    with stack.acting(RecordedActions(lambda program: None)):
        module.configure_neutron_nova(stack)
    path = tmp_path / "nova" / "additions" / "neutron.conf"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read(path)["neutron"]["username"] == "neutron"
    # By a link of another stack, /etc/nova may lead here, and oslo.config reads /etc/nova/*.conf.d.
    assert not list(tmp_path.rglob("*.conf.d"))


def test_the_driver_is_found_by_the_name_in_the_configuration() -> None:
    directory = Path(module.__file__).with_name("ml2_driver")
    (entry_points,) = directory.glob("*.dist-info/entry_points.txt")
    driver = read(entry_points)["neutron.ml2.mechanism_drivers"]["unwired"]
    driver_module, _, name = driver.partition(":")
    assert f"class {name}(" in (directory / f"{driver_module}.py").read_text()


def test_subnode_has_neither_api_nor_networks(tmp_path: Path) -> None:
    services = "n-cpu,q-ovn-agent"
    stack = make_neutron(tmp_path, ENABLED_SERVICES=services, SERVICE_HOST="192.0.2.1")
    assert futures(stack) == ["install_neutron"]


@pytest.mark.parametrize("enabled", ["q-svc", "neutron-api", "neutron"])
def test_api_is_enabled_by_each_of_its_names(tmp_path: Path, enabled: str) -> None:
    directory = StackDirectory(tmp_path, {"ENABLED_SERVICES": enabled})
    (plugin,) = [one for one in directory.plugins if one.name == "neutron"]
    stack = make_stack(tmp_path, ENABLED_SERVICES=enabled)
    assert not plugin.has_disabled("neutron-api", stack)
    assert plugin.has_disabled("neutron-ovn-maintenance-worker", stack)


def test_service_plugins_that_scripts_name_in_post_config_are_loaded(tmp_path: Path) -> None:
    stack = make_neutron(tmp_path)
    path = neutron.conf_dir(stack) / "neutron.conf"
    neutron.configure(stack)
    written = path.read_text()
    neutron.add_service_plugins(stack)
    assert path.read_text() == written
    # A section of local.conf was merged meanwhile, and a script has called DevStack's function.
    path.write_text(written.replace("router,segments", "router"))
    stack.settings.update({"Q_SERVICE_PLUGIN_CLASSES": "router,segments,taas,trunk"})
    generation = neutron.generation(stack)
    neutron.add_service_plugins(stack)
    assert read(path)["DEFAULT"]["service_plugins"] == "router,taas,trunk"
    assert neutron.generation(stack) != generation
