"""Nova's functions, with its programs only recorded."""

from pathlib import Path

import pytest

from doitstack.errors import SettingsError
from doitstack.stack import Stack
from doitstack.steps import Kind
from doitstack.venvs import Environment
from doitstack_plugins.nova.plugin import plugin as nova
from tests.ports import free_port
from tests.unit.plugins.nova.stacks import SERVICES, make_nova

HOOKS = (nova.stack_pre_install, nova.stack_install, nova.stack_post_config, nova.stack_extra)

pytestmark = pytest.mark.usefixtures("no_fork_server")


def names(stack: Stack, kind: Kind) -> list[str]:
    return [step.name for hook in HOOKS[1:] for step in hook(stack) if step.kind is kind]


def test_hooks_declare_without_doing(tmp_path: Path) -> None:
    stack = make_nova(tmp_path)
    assert all(list(hook(stack)) for hook in HOOKS)
    assert list(tmp_path.iterdir()) == []


def test_main_line_and_futures_of_nova(tmp_path: Path) -> None:
    stack = make_nova(tmp_path, NOVA_NUM_CELLS="2")
    assert names(stack, Kind.RUN) == [*("configure_nova", "init_nova_api", "create_cells")]
    assert names(stack, Kind.ASYNC_RUN) == [
        *("install_nova", "nova-cell-0", "nova-cell-1", "nova-cell-2", "nova-vhosts"),
        "create_nova_accounts",
        *("start_nova", "create_flavors", "wait_for_computes", "discover_hosts"),
    ]
    waits = [step.waits for step in nova.stack_extra(stack) if step.kind is Kind.ASYNC_WAIT]
    assert waits == [
        ("nova-cell-0", "nova-cell-1", "nova-cell-2"),
        ("create_nova_accounts",),
        ("nova-vhosts",),
        ("configure_neutron_nova",),
    ]


def test_without_neutron_nothing_waits_for_it(tmp_path: Path) -> None:
    stack = make_nova(tmp_path, ENABLED_SERVICES=SERVICES.replace("neutron-api,", ""))
    assert "configure_neutron_nova" not in str(list(nova.stack_extra(stack)))


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("NOVA_NUM_CELLS", "0", "nova needs a cell"),
        ("NOVA_CPU_CELL", "2", "there are the cells 1 to 1"),
        ("NOVA_CPU_CELL", "0", "there are the cells 1 to 1"),
    ],
)
def test_cells_that_cannot_be_are_refused(
    tmp_path: Path, setting: str, value: str, says: str
) -> None:
    settings = make_nova(tmp_path, **{setting: value}).settings
    with pytest.raises(SettingsError, match=f"^{setting}={value}: {says}"):
        nova.checked_settings[setting](settings, setting)


def test_services_that_nova_needs_are_reported_first(tmp_path: Path) -> None:
    port = str(free_port())
    lacking = make_nova(tmp_path, ENABLED_SERVICES="n-api,key", NOVA_SERVICE_PORT=port)
    with pytest.raises(SettingsError, match="mysql, rabbit, placement-api, g-api"):
        nova.check(lacking)


def test_subnode_has_computes_alone(tmp_path: Path) -> None:
    alone = make_nova(tmp_path, ENABLED_SERVICES="n-cpu", SERVICE_HOST="192.0.2.1")
    assert names(alone, Kind.RUN) == ["configure_nova", "wait_for_nova"]
    assert names(alone, Kind.ASYNC_RUN) == ["install_nova", "start_nova", "wait_for_computes"]
    together = make_nova(tmp_path, ENABLED_SERVICES="n-cpu", THIS_HOST="compute1")
    waits = [step.waits for step in nova.stack_extra(together) if step.kind is Kind.ASYNC_WAIT]
    assert waits == [("install_nova",), ("start_nova@controller", "start_placement@controller")]
    assert [step.waits for step in nova.stack_test_config(together)] == [("wait_for_computes",)]


def test_subnode_imports_early_what_forks_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subnode = {"ENABLED_SERVICES": "n-cpu", "SERVICE_HOST": "192.0.2.1"}
    assert nova.needs_manager(make_nova(tmp_path))
    assert nova.needs_manager(make_nova(tmp_path, **subnode))
    assert not nova.needs_manager(make_nova(tmp_path, VIRT_DRIVER="libvirt", **subnode))
    monkeypatch.setattr(Environment, "code_to_run", lambda _: "new code")
    assert not nova.needs_manager(make_nova(tmp_path, **subnode))
