"""Cinder's functions, with its programs only recorded."""

import configparser
import stat
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from doitstack import warm
from doitstack.errors import SettingsError
from doitstack.stack import Stack
from doitstack.steps import Kind
from doitstack.venvs import Environment
from doitstack_plugins.backing import mariadb, memcached, rabbit_queues, rabbitmq
from doitstack_plugins.cinder import plugin as plugin_module
from doitstack_plugins.cinder.plugin import plugin as cinder
from doitstack_plugins.libvirt import node
from tests.ports import free_port
from tests.unit.recorded_actions import RecordedActions, make_stack

pytestmark = pytest.mark.usefixtures("no_fork_server")

HOOKS = (
    *(cinder.stack_pre_install, cinder.stack_install, cinder.stack_post_config),
    *(cinder.stack_extra, cinder.stack_test_config),
)


def make_cinder(
    top_dir: Path, services: str = "key,mysql,rabbit,c-api,c-sch,c-vol", **environ: str
) -> Stack:
    stack = make_stack(top_dir, ENABLED_SERVICES=services, MEMCACHED_PORT="1", **environ)
    for plugin in (memcached, mariadb, rabbitmq, cinder):
        plugin.source(stack.settings)
    return stack


def test_futures_of_cinder(tmp_path: Path) -> None:
    steps = [step for hook in HOOKS for step in hook(make_cinder(tmp_path))]
    assert [step.name for step in steps if step.kind is Kind.ASYNC_RUN] == [
        *("install_cinder", "init_cinder", "create_cinder_accounts"),
        *("start_cinder", "create_volume_types"),
    ]


def test_cinder_needs_more_than_itself(tmp_path: Path) -> None:
    lacking = make_cinder(tmp_path, "key,c-api", CINDER_SERVICE_PORT=str(free_port()))
    with pytest.raises(SettingsError, match="enable_service mysql rabbit"):
        cinder.check(lacking)


def test_configuration_is_private_and_complete(tmp_path: Path) -> None:
    stack = make_cinder(tmp_path)
    with stack.acting(RecordedActions(lambda program: None)):
        cinder.configure(stack)
    path = stack.data_dir / "cinder" / "etc" / "cinder.conf"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (path.parent / "rootwrap.d").is_dir()
    conf = configparser.RawConfigParser()
    conf.read(path)
    backend = conf["DEFAULT"]["enabled_backends"]
    assert conf["DEFAULT"]["default_volume_type"] == conf[backend]["volume_backend_name"]
    assert conf["database"]["connection"].endswith("/cinder")


def test_cinder_manage_migrates_the_database(tmp_path: Path) -> None:
    stack = make_cinder(tmp_path)
    stage = RecordedActions(lambda program: None)
    with stack.acting(stage):
        cinder.init(stack)
    last = stage.programs[-1].argv
    assert Path(last[0]).name == "cinder-manage"
    assert list(last[2:]) == ["db", "sync"]


@pytest.mark.parametrize(
    ("services", "backends", "forks"),
    [
        ("key,c-api,c-sch,c-vol", "fake:fake", ["c-sch", "c-vol"]),
        ("key,c-api,c-sch", "fake:fake", []),
        ("key,c-api,c-sch,c-vol", "nfs:nfs", []),
    ],
)
def test_daemons_are_forks_if_there_are_several_outside_of_the_node(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    services: str,
    backends: str,
    forks: list[str],
) -> None:
    stack = make_cinder(tmp_path, services, CINDER_ENABLED_BACKENDS=backends)

    def daemon(_: Stack, program: warm.Program, service: str, name: str) -> list[str]:
        assert {"cinder.cmd.scheduler", "cinder.cmd.volume"} <= {*program.preload}
        return ["fork", name]

    monkeypatch.setattr(warm, "daemon", daemon)
    monkeypatch.setattr(node, "command", lambda _: ["in", "the", "node"])
    for name in cinder.enabled_daemons(stack):
        words = cinder.daemon_command(stack, name)
        assert words[-1] == f"--config-file={cinder.conf_dir(stack)}/cinder.conf"
        if name in forks:
            assert words[:-1] == ["fork", cinder.daemons[name]]
        else:
            assert words[-2] == cinder.environment(stack).program(cinder.daemons[name])


def test_subnode_has_volume_services_alone(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, ENABLED_SERVICES="c-vol", THIS_HOST="one", HOST_IP="127.0.0.2")
    stack.settings.update({"SERVICE_HOST": "192.0.2.1"})
    for plugin in (memcached, mariadb, rabbitmq, cinder):
        plugin.source(stack.settings)
    steps = [step for hook in HOOKS for step in hook(stack)]
    assert [step.name for step in steps if step.kind is Kind.ASYNC_RUN] == [
        *("install_cinder", "start_cinder")
    ]
    waits = [step.waits for step in steps if step.kind is Kind.ASYNC_WAIT]
    assert waits == [("install_cinder",), ("start_cinder@controller",), ("start_cinder",)]
    conf = cinder.conf(stack)
    assert conf["DEFAULT"]["host"] == "127.0.0.2"
    assert "@192.0.2.1:13306/cinder" in conf["database"]["connection"]
    assert not cinder.serves_api(stack)


def test_daemons_take_work_if_all_their_queues_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = "key,mysql,rabbit,c-api,c-sch,c-vol,c-bak"
    stack = make_cinder(tmp_path, services, CINDER_ENABLED_BACKENDS="fake:a,fake:b")
    used = {"cinder-scheduler.127.0.0.1", "cinder-volume.127.0.0.1@a"}
    monkeypatch.setattr(rabbit_queues, "takes_messages", lambda _, name, queue: queue in used)
    assert {name: works() for name, works in cinder.takes_work(stack).items()} == {
        "c-sch": True,
        "c-vol": False,
        "c-bak": False,
    }
    used |= {"cinder-volume.127.0.0.1@b", "cinder-backup.127.0.0.1"}
    assert all(works() for works in cinder.takes_work(stack).values())


def test_cinder_is_ready_once_its_daemons_take_messages_and_are_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, asked = make_cinder(tmp_path), []

    def services(binary: str) -> list[SimpleNamespace]:
        asked.append(binary)
        is_up = asked.count(binary) > 1
        other = SimpleNamespace(host="other@fake", state="up")
        return [other, SimpleNamespace(host="127.0.0.1@fake", state="up" if is_up else "down")]

    def takes_messages(stack: Stack, name: str, queue: str) -> bool:
        asked.append(queue)
        return asked.count(queue) > 1

    connection = SimpleNamespace(block_storage=SimpleNamespace(services=services))
    monkeypatch.setattr(plugin_module, "cloud", lambda _: nullcontext(connection))
    monkeypatch.setattr(rabbit_queues, "takes_messages", takes_messages)
    monkeypatch.setattr(Stack, "dead_services", lambda *_: {})
    with stack.acting(RecordedActions(lambda program: None)):
        cinder.wait_for_daemons(stack)
    assert asked == [
        *["cinder-scheduler.127.0.0.1"] * 2,
        *["cinder-volume.127.0.0.1@fake"] * 2,
        *["cinder-scheduler"] * 2,
        *["cinder-volume"] * 2,
    ]


@pytest.mark.parametrize(
    ("backend", "code", "seconds"), [("fake:a", "x", 1), ("fake:a", "", 10), ("nfs:a", "x", 10)]
)
def test_daemons_with_code_of_trees_end_soon_unless_volumes_hold_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str, code: str, seconds: int
) -> None:
    stack = make_cinder(tmp_path, CINDER_ENABLED_BACKENDS=backend)
    monkeypatch.setattr(Environment, "code_to_run", lambda _: code)
    assert cinder.stop_seconds(stack) == seconds


def test_the_plan_says_where_volumes_are(tmp_path: Path) -> None:
    stack = make_cinder(tmp_path, CINDER_ENABLED_BACKENDS="fake:fake")
    (note,) = [step.note for step in cinder.stack_extra(stack) if step.name == "start_cinder"]
    assert note == "volumes are kept nowhere (fake:fake): CINDER_ENABLED_BACKENDS is set"


def test_volumes_in_lvm_are_for_daemons_with_our_driver(tmp_path: Path) -> None:
    stack = make_cinder(tmp_path, CINDER_ENABLED_BACKENDS="lvm:one")
    assert {"PYTHONPATH", "LVM_SYSTEM_DIR", "CINDER_GENERATION"} <= set(cinder.environ(stack))
    checks = list(cinder.checks(stack))
    stack = make_cinder(tmp_path, CINDER_ENABLED_BACKENDS="fake:one")
    assert len(checks) == len(list(cinder.checks(stack))) + 3
