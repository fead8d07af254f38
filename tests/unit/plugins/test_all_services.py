"""Steps for all services together, and the steps of all services."""

import os
import socket
from pathlib import Path

import pytest

from doitstack.errors import DoitstackError, ServiceError, SettingsError
from doitstack.phases import STACK_PHASES, Phase
from doitstack.planning.host_plans import check_with_hosts
from doitstack.planning.plan import PlannedStep
from doitstack.planning.stack_directory import StackDirectory
from doitstack.steps import Kind
from doitstack.uptodate import Unchanged
from doitstack_plugins import all_services
from tests.e2e.samples import PORTS, free_ports
from tests.unit.recorded_actions import RecordedActions, make_stack

ALL = (
    "key,mysql,rabbit,etcd3,g-api,placement-api,neutron-api,n-api,n-api-meta,n-cond,n-sch,n-cpu,"
    "c-api,c-sch,c-vol,s-proxy,s-object,s-container,s-account,horizon"
)
OF_STORES = ("check_system_packages", "check_memcached_port")
INSTALLED = ("glance", "placement", "neutron", "nova", "cinder", "swift", "horizon")


def directory(tmp_path: Path, services: str, **environ: str) -> StackDirectory:
    """Return a stack directory with the in-tree plugins alone."""
    return StackDirectory(tmp_path, {"ENABLED_SERVICES": services, **environ})


def steps(tmp_path: Path, services: str) -> tuple[PlannedStep, ...]:
    return directory(tmp_path, services).plan().steps


def test_services_that_are_off_cost_nothing(tmp_path: Path) -> None:
    assert steps(tmp_path, "tempest") == ()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", INSTALLED)
def test_other_services_are_installed_after_keystone(tmp_path: Path, name: str) -> None:
    (install,) = [one.step for one in steps(tmp_path, ALL) if one.step.name == f"install_{name}"]
    assert install.waits == ("install_keystone",)


def test_without_keystone_no_installation_waits_for_it(tmp_path: Path) -> None:
    (install,) = [one.step for one in steps(tmp_path, "g-api") if one.step.name == "install_glance"]
    assert install.waits == ()


def test_futures_are_devstacks_and_each_is_waited_for(tmp_path: Path) -> None:
    planned = [one.step for one in steps(tmp_path, ALL)]
    futures = [step.name for step in planned if step.kind.value == "async_run"]
    waited = [name for step in planned if step.kind.value == "async_wait" for name in step.waits]
    devstacks = {"create_glance_accounts", "create_swift_accounts", "configure_horizon"}
    assert devstacks | {"init_glance", "init_placement", "init_swift"} <= set(futures)
    assert sorted(futures) == sorted(waited)
    assert list(tmp_path.iterdir()) == []


def test_scripts_of_extra_find_what_devstack_has_made_by_then(tmp_path: Path) -> None:
    more = {"IMAGE_URLS": "http://a/1", "VIRT_DRIVER": "libvirt", "LIBVIRT_TYPE": "qemu"}
    script = tmp_path / "extras.d" / "50-looks.sh"
    script.parent.mkdir()
    script.write_text("openstack network show public\n")
    planned = directory(tmp_path, ALL, **more).plan().steps
    looks = next(
        index
        for index, one in enumerate(planned)
        if one.plugin == "looks" and one.phase is Phase.EXTRA
    )
    waited = {
        name
        for one in planned[:looks]
        for name in one.step.waits
        if one.step.kind is Kind.ASYNC_WAIT
    }
    wanted = {"create_neutron_initial_network", "create_flavors", "create_volume_types"}
    assert wanted | {"upload_images", "upload_guest_image"} <= waited


NEEDS = {
    "g-api": "key",
    "placement-api": "key",
    "neutron": "key, mysql, rabbit",
    "nova": "key, mysql, rabbit, placement-api, g-api",
    "cinder": "key, mysql, rabbit",
    "s-proxy": "key, s-object, s-container, s-account",
    "horizon": "key",
}
ENABLED = {"neutron": "neutron-api", "nova": "n-api", "cinder": "c-api"}


@pytest.mark.parametrize("name", NEEDS)
def test_a_service_names_the_others_that_it_needs(tmp_path: Path, name: str) -> None:
    stacked = directory(tmp_path, ENABLED.get(name, name), **free_ports())
    checks = [one.step for one in stacked.plan((STACK_PHASES[0],)).steps]
    (check,) = [step for step in checks if step.name not in OF_STORES]
    with pytest.raises(SettingsError, match=rf"{name} needs {NEEDS[name]};.*enable_service key"):
        check.action(stacked.stack)


@pytest.mark.parametrize("setting", PORTS)
def test_a_taken_port_is_reported_before_anything_starts(tmp_path: Path, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = str(other.getsockname()[1])
        services = f"{ALL},n-novnc,n-sproxy"
        stacked = directory(tmp_path, services, **{**free_ports(), setting: taken})
        errors = []
        for planned in stacked.plan((STACK_PHASES[0],)).steps:
            if planned.step.name != "check_system_packages":
                try:
                    planned.step.action(stacked.stack)
                except ServiceError as error:
                    errors.append(str(error))
    (error,) = errors
    assert f"port {taken} is taken by" in error
    assert f"process {os.getpid()}" in error
    assert f"set {setting} in local.conf" in error


def test_addresses_are_shown(tmp_path: Path) -> None:
    stacked = directory(tmp_path, "key,g-api", GLANCE_SERVICE_PORT="81")
    _ = stacked.settings_plan
    stack = stacked.stack
    stage = RecordedActions(lambda program: None)
    with stack.acting(stage):
        all_services.show_addresses(stack)
    dest = stack.dest
    assert stage.said == [
        "key is at http://127.0.0.1:5000/v3",
        "g-api is at http://127.0.0.1:81",
        f"in a shell: source {dest}/openrc admin admin; openstack token issue",
        f"other clients: OS_CLIENT_CONFIG_FILE={dest}/clouds.yaml, cloud devstack-admin",
        f"the password of admin and demo is ADMIN_PASSWORD in local.conf or {dest}/passwords",
        "next: doit services, doit timing; to stop it: doit unstack",
    ]


@pytest.mark.usefixtures("supervisord")
def test_services_are_stopped_at_once_and_their_stores_later(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)
    for name in ("g-api", "mysql", "n-cpu-1", "of-a-plugin"):
        stack.run_process(name, ["sleep", "1000"], wait=False)
    (step,) = all_services.unstack(stack)
    step.action(stack)
    assert [one.name for one in stack.services.status() if one.pid] == ["mysql"]


def test_bytecode_is_kept_during_the_last_steps_and_only_after_an_installation(
    tmp_path: Path,
) -> None:
    (step,) = [one.step for one in steps(tmp_path, "key") if one.step.name == "keep_bytecode"]
    assert step.kind.value == "async_run"
    assert any(isinstance(check, Unchanged) for check in step.doit["uptodate"])


BAD = {
    "FIXED_RANGE": "nonsense",
    "FLOATING_RANGE": "172.24.4.1/24",
    "NEUTRON_CREATE_INITIAL_NETWORKS": "maybe",
    "IMAGE_URLS": "nonsense",
    "KEYSTONE_CONF_DIR": "relative",
    "NOVA_CONF_DIR": "relative",
    "SWIFT_CONF_DIR": "relative",
    "NUMBER_FAKE_NOVA_COMPUTE": "x",
    "NOVA_NUM_CELLS": "x",
    "NOVA_CPU_CELL": "2",
    "KEYSTONE_SERVICE_PROTOCOL": "https",
    "LOCAL_HOSTNAME": "a b",
    "METADATA_SERVICE_PORT": "0",
    "DATABASE_HOST": "a b",
    "DATABASE_PORT": "70000",
    "RECREATE_DB": "maybe",
    "RABBIT_HOST": "a b",
    "RABBIT_DIST_PORT": "x",
    "RABBIT_EPMD_PORT": "x",
    "MEMCACHED_PORT": "x",
    "ETCD_PORT": "x",
    "ETCD_PEER_PORT": "x",
    "ACCOUNT_PORT_BASE": "x",
    "GLANCE_SERVICE_HOST": "a b",
    "HORIZON_SERVICE_HOST": "a b",
    "CINDER_SERVICE_URI": "nonsense",
    "PLACEMENT_CONF_DIR": "relative",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_setting_is_an_error_before_anything_runs(tmp_path: Path, name: str) -> None:
    with pytest.raises(DoitstackError, match=f"{name}={BAD[name]}: "):
        directory(tmp_path, ALL, **{name: BAD[name]}).check()


def test_bad_settings_of_services_that_are_off_are_no_error(tmp_path: Path) -> None:
    used = {"KEYSTONE_CONF_DIR", "KEYSTONE_SERVICE_PROTOCOL", "RECREATE_DB"}
    unused = {name: value for name, value in BAD.items() if name not in used}
    directory(tmp_path, "key", **unused).check()


def test_subnode_waits_for_what_it_has(tmp_path: Path) -> None:
    made = directory(tmp_path, "n-cpu,c-vol,ovn-controller,q-ovn-agent", THIS_HOST="compute1")
    made.check()
    assert "never waited" not in str(made.warnings())
    waits = [one.step.waits for one in made.plan().steps if one.plugin == "ready"]
    assert ("start_nova", "start_cinder") in waits


def test_plans_of_a_controller_and_a_compute_fit_together(tmp_path: Path) -> None:
    (tmp_path / "local.conf").write_text(
        "[[local|localrc]]\nHOSTS=compute1\n"
        f"ENABLED_SERVICES={ALL},ovn-controller,ovn-northd,q-ovn-agent\n"
        "[[local:subnode|localrc]]\n"
        "ENABLED_SERVICES=n-cpu,c-vol,ovn-controller,q-ovn-agent\n"
    )
    check_with_hosts(StackDirectory(tmp_path, {}))
