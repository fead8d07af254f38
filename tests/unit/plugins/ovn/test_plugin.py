"""OVN's steps, needs and settings."""

import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from doitstack.errors import DoitstackError, SettingsError, StepError
from doitstack.planning.stack_directory import StackDirectory
from doitstack.steps import Kind
from doitstack_plugins.ovn import plugin as module
from doitstack_plugins.ovn.places import root
from tests.unit.plugins.ovn.stacks import SERVICES, give_programs, make_ovn
from tests.unit.recorded_actions import RecordedActions

ovn = module.plugin


def test_it_starts_before_neutron_and_after_neutrons_database(tmp_path: Path) -> None:
    plan = StackDirectory(tmp_path, {"ENABLED_SERVICES": SERVICES}).plan()
    assert plan.warnings == ()
    steps = {one.step.name: one.step for one in plan.steps}
    assert steps["start_ovn"].waits == ("install_system_packages", "init_neutron")
    names = list(steps)
    assert names.index("async_wait-start_ovn") < names.index("start_neutron")
    assert steps["start_ovn_agent"].waits == ("install_neutron",)


def test_it_works_without_neutron(tmp_path: Path) -> None:
    stacked = StackDirectory(tmp_path, {"ENABLED_SERVICES": "ovn-controller,ovn-northd"})
    steps = {one.step.name: one.step for one in stacked.plan().steps}
    assert steps["start_ovn"].waits == ("install_system_packages",)
    assert "start_ovn_agent" not in steps


def test_devstacks_service_names(tmp_path: Path) -> None:
    settings = make_ovn(tmp_path, ENABLED_SERVICES="ovn-controller,q-ovn-metadata-agent").settings
    assert settings.is_service_enabled("ovsdb-server")
    assert settings.is_service_enabled("ovs-vswitchd")
    assert settings.is_service_enabled("neutron-ovn-maintenance-worker")
    assert settings.is_service_enabled("q-ovn-agent")


def test_it_has_no_environment(tmp_path: Path) -> None:
    assert ovn.environments(make_ovn(tmp_path)) == []


def test_a_stack_without_it_has_no_step_of_it(tmp_path: Path) -> None:
    plan = StackDirectory(tmp_path, {"ENABLED_SERVICES": "key,mysql,rabbit,neutron-api"}).plan()
    assert [one for one in plan.steps if one.plugin == "ovn"] == []


def test_everything_that_is_missing_is_told_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_programs(monkeypatch, tmp_path / "bin", unshare="exit 1")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    long = tmp_path / ("x" * 100)
    stack = make_ovn(tmp_path, ENABLED_SERVICES="q-ovn-agent", DEST=str(long))
    with pytest.raises(DoitstackError) as raised:
        ovn.check(stack)
    error = str(raised.value)
    assert "ovn-controller needs ovn-controller, ovn-northd" not in error
    assert "OVN needs ovn-controller, ovn-northd" in error
    assert "in a container, start that with --privileged" in error
    assert "set a shorter DEST" in error


def test_users_are_told_to_be_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(StepError, match=r"needs root, for .* run doit as root"):
        module.check_privileges(make_ovn(tmp_path))


def test_networks_from_before_ovn_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = make_ovn(tmp_path)
    module.check_networks(stack)
    monkeypatch.setattr(stack, "started_services", lambda: ["keystone", "neutron-api"])
    with pytest.raises(SettingsError, match="run once: RECREATE_DB=True doit stack"):
        module.check_networks(stack)
    again = make_ovn(tmp_path, RECREATE_DB="True")
    monkeypatch.setattr(again, "started_services", stack.started_services)
    module.check_networks(again)
    root(stack).mkdir(parents=True)
    (root(stack) / "neutron").touch()
    module.check_networks(stack)


@pytest.mark.parametrize("name", ["Q_AGENT", "Q_ML2_PLUGIN_MECHANISM_DRIVERS"])
@pytest.mark.parametrize(("value", "is_good"), [("ovn", True), ("openvswitch", False)])
def test_other_agents_are_a_mistake(tmp_path: Path, name: str, value: str, is_good: bool) -> None:
    settings = make_ovn(tmp_path, **{name: value}).settings
    refusal = pytest.raises(SettingsError, match="use ovn")
    with nullcontext() if is_good else refusal:
        ovn.checked_settings[name](settings, name)


@pytest.mark.parametrize(
    ("given", "way"), [("False", "/ovn/enter COMMAND"), ("True", "from this machine, by stack-")]
)
def test_the_last_lines_tell_the_way_to_floating_ips(tmp_path: Path, given: str, way: str) -> None:
    stack = make_ovn(tmp_path, PUBLIC_NETWORK_ON_HOST=given)
    actions = RecordedActions(lambda program: None)
    with stack.acting(actions):
        module.tell_the_way(stack)
    (line,) = actions.said
    assert line.startswith("floating IPs (172.24.4.0/24) answer ")
    assert way in line


def test_futures_are_waited_for(tmp_path: Path) -> None:
    stack = make_ovn(tmp_path)
    hooks = (ovn.stack_install, ovn.stack_post_config, ovn.stack_extra, ovn.stack_test_config)
    steps = [step for hook in hooks for step in hook(stack)]
    futures = [step.name for step in steps if step.kind is Kind.ASYNC_RUN]
    assert futures == ["start_ovn", "start_ovn_agent"]
    assert [step.waits for step in steps if step.kind is Kind.ASYNC_WAIT] == [
        ("start_ovn",),
        ("start_ovn_agent",),
    ]
