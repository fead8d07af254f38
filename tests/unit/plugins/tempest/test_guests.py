"""What Tempest tests if servers are guests."""

import re
from pathlib import Path

import pytest

from doitstack.stack import Stack
from doitstack_plugins.cinder.plugin import plugin as cinder
from doitstack_plugins.tempest import conf, guests
from tests.unit.plugins.libvirt.stacks import make_guests
from tests.unit.plugins.nova.stacks import SERVICES


def make(tmp_path: Path, **environ: str) -> Stack:
    services = f"{SERVICES},c-api,c-sch,c-vol,c-bak,n-novnc"
    stack = make_guests(tmp_path, **{"ENABLED_SERVICES": services, **environ})
    cinder.source(stack.settings)
    return stack


def test_tests_log_in_to_guests(tmp_path: Path) -> None:
    sections = conf.sections(make(tmp_path), "/state", {"image_ref": "i"})
    assert sections["validation"]["run_validation"] == "true"
    assert sections["compute"]["image_ref"] == "i"
    assert sections["service-clients"]["http_timeout"] == sections["validation"]["ssh_timeout"]
    assert sections["compute-feature-enabled"]["vnc_console"] == "true"
    assert sections["volume-feature-enabled"]["backup"] == "true"


def test_servers_that_do_not_run_are_not_logged_in_to(tmp_path: Path) -> None:
    stack = make(tmp_path, VIRT_DRIVER="fake")
    assert guests.sections(stack) == {}
    assert conf.sections(stack, "/state", {})["validation"] == {"run_validation": "false"}


def test_scenarios_are_among_the_tests_of_a_cloud_with_guests(tmp_path: Path) -> None:
    chosen = re.compile(conf.default_tests(make(tmp_path)))
    assert chosen.search("tempest.scenario.test_minimum_basic.TestMinimumBasicScenario.test_x[id]")
    assert chosen.search("tempest.api.compute.servers.test_x.Y.test_z[id,smoke]")
    assert not chosen.search("tempest.api.compute.servers.test_x.Y.test_z[id]")


@pytest.mark.parametrize(
    ("kind", "protocol", "snapshot", "extends"),
    [("nfs", "nfs", "true", "false"), ("lvm", "local", "true", "true")],
)
def test_volumes_are_tested_for_what_their_back_end_can(
    tmp_path: Path, kind: str, protocol: str, snapshot: str, extends: str
) -> None:
    sections = guests.sections(make(tmp_path, CINDER_ENABLED_BACKENDS=f"{kind}:one"))
    features = sections["volume-feature-enabled"]
    assert sections["volume"]["storage_protocol"] == protocol
    assert (features["snapshot"], features["extend_volume_with_snapshot"]) == (snapshot, extends)
