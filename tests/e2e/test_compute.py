"""The compute services, for real: the sample as it stands, and two cells with volumes.

They need root and apt, or Debian's packages, and a package index or uv's cache.
"""

import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest

from tests.conftest import MakeStackDir, StackDir
from tests.e2e.samples import (
    check_forks,
    check_ports,
    check_secrecy,
    check_stopped,
    check_told,
    make_sample,
    needs_packages,
    processes,
    tempest_passes,
    watched_commands,
)

pytestmark = [
    needs_packages,
    pytest.mark.timeout(3600),
    # The SDK warns of what it will drop itself.
    pytest.mark.filterwarnings("default"),
]

MakeSample = Callable[..., StackDir]

FUTURES = (
    *("create_nova_accounts", "create_glance_accounts", "create_neutron_accounts"),
    *("init_glance", "init_neutron", "init_placement", "nova-cell-0", "nova-cell-1"),
    *("configure_neutron_nova", "create_flavors", "install_tempest"),
)
LISTENING = {
    "keystone": "KEYSTONE_SERVICE_PORT",
    "g-api": "GLANCE_SERVICE_PORT",
    "placement-api": "PLACEMENT_SERVICE_PORT",
    "neutron-api": "NEUTRON_SERVICE_PORT",
    "n-api": "NOVA_SERVICE_PORT",
    "n-api-meta": "METADATA_SERVICE_PORT",
    "mysql": "DATABASE_PORT",
    "rabbit": "RABBIT_PORT",
    "memcached": "MEMCACHED_PORT",
}
TWO_CELLS = """
enable_service c-api c-sch c-vol
disable_service tempest
NOVA_NUM_CELLS=2
NUMBER_FAKE_NOVA_COMPUTE=2
"""
VLAN = """\
[[ "$2" != post-config ]] || iniset /$Q_PLUGIN_CONF_FILE ml2_type_vlan network_vlan_ranges demo:5:9
"""
"""A script that configures ML2."""


@pytest.fixture
def sample(stack_dir: MakeStackDir, tmp_path: Path) -> Iterator[MakeSample]:
    """Return a maker of a stack directory with the sample, and more in its local.conf."""
    made: list[StackDir] = []

    def make(more: str = "") -> StackDir:
        made.append(make_sample(stack_dir, "compute", tmp_path / "home", more))
        (made[-1].path / "extras.d" / "50-vlan.sh").write_text(VLAN)
        return made[-1]

    yield make
    for directory in made:
        directory.run("clean", timeout=300)


@pytest.mark.full
def test_sample_of_compute_from_nothing_to_nothing(
    sample: MakeSample, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = sample()
    with watched_commands() as commands:
        first = stack.run("stack", timeout=2400).ok()
    assert "WARNING: uncollected" not in first.out
    assert [name for name in FUTURES if f"[Async {name}:" not in first.out] == []
    check_told(stack, first.out, "key", "g-api", "placement-api", "neutron", "n-api")
    check_advice(stack, first.lines)
    check_ports(stack, LISTENING)
    check_forks(stack, "keystone-manage", "nova-manage", "neutron-rpc-server")
    started = processes(stack)
    assert started.keys() >= {*LISTENING, "n-cond-cell1", "n-sch", "n-cpu-1"}

    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(stack.dest / "clouds.yaml"))
    with openstack.connect(cloud="devstack-admin") as cloud:
        check_nova(cloud, computes=1)
        check_server(cloud)
        check_vlan(cloud)
    tempest_passes(
        stack, *(f"tempest.api.{api}." for api in ("identity", "image", "network", "compute"))
    )
    check_secrecy(stack, first.out, commands)

    stack.run("stack", timeout=300).ok()
    assert processes(stack) == started
    check_stopped(stack)
    stack.run("stack", timeout=900).ok()
    with openstack.connect(cloud="devstack-admin") as cloud:
        check_server(cloud)
    check_stopped(stack)
    stack.run("clean", timeout=300).ok()
    assert not stack.dest.exists()


@pytest.mark.full
def test_two_cells_with_volumes(sample: MakeSample, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = sample(TWO_CELLS)
    first = stack.run("stack", timeout=2400).ok()
    assert "[Async nova-cell-2:" in first.out
    assert processes(stack).keys() >= {
        *("n-super-cond", "n-cond-cell1", "n-cond-cell2", "n-cpu-1", "n-cpu-2"),
        *("c-api", "c-sch", "c-vol"),
    }
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(stack.dest / "clouds.yaml"))
    with openstack.connect(cloud="devstack-admin") as cloud:
        check_nova(cloud, computes=2)
        check_server(cloud)
        check_volume(cloud)


def check_vlan(cloud: Any) -> None:
    """Neutron has read the physical network that a script has configured."""
    where = {"provider_network_type": "vlan", "provider_physical_network": "demo"}
    made = cloud.network.create_network(name="vlan", provider_segmentation_id=7, **where)
    cloud.network.delete_network(made)


def check_advice(stack: StackDir, lines: list[str]) -> None:
    """The commands that are told at the end can be run as they stand."""
    advice = dict(
        line.split(": ", 1) for line in lines if line.startswith(("in a shell:", "other c"))
    )
    clients, cloud = advice["other clients"].split(", cloud ")
    openstack = f"{stack.dest}/bin/openstack"
    for command in (advice["in a shell"], f"{clients} {openstack} --os-cloud {cloud} token issue"):
        done = subprocess.run(
            ["env", "-i", "PATH=/usr/bin:/bin", "bash", "-c", command],
            capture_output=True,
            text=True,
            check=False,
            cwd=stack.path,
        )
        assert "gAAAA" in done.stdout, shlex.quote(command) + done.stderr


def check_nova(cloud: Any, computes: int) -> None:
    services = list(cloud.compute.services(binary="nova-compute"))
    assert [service.state for service in services] == ["up"] * computes
    hosts = {service.host for service in services}
    assert {hypervisor.name for hypervisor in cloud.compute.hypervisors()} == hosts
    assert {provider.name for provider in cloud.placement.resource_providers()} == hosts
    flavors = {flavor.name for flavor in cloud.compute.flavors()}
    assert {"m1.nano", "m1.tiny", "cirros256", "ds4G"} <= flavors


def check_server(cloud: Any) -> None:
    """A network, a subnet, a router and a port; a server comes up with that port; all go again."""
    assert {"private", "public"} <= {network.name for network in cloud.network.networks()}
    network = cloud.network.create_network(name="net")
    subnet = cloud.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.9.0.0/24")
    router = cloud.network.create_router(name="router")
    cloud.network.add_interface_to_router(router, subnet=subnet.id)
    port = cloud.network.create_port(network_id=network.id)
    image = cloud.image.create_image(
        name="image", container_format="bare", disk_format="raw", data=b"image"
    )
    server = cloud.compute.create_server(
        name="server", image_id=image.id, flavor_id="42", networks=[{"port": port.id}]
    )
    server = cloud.compute.wait_for_server(server, wait=300, interval=0.5)
    assert server.addresses["net"][0]["addr"] == port.fixed_ips[0]["ip_address"]
    assert cloud.network.get_port(port.id).status == "ACTIVE"
    cloud.compute.delete_server(server)
    cloud.compute.wait_for_delete(server, wait=120, interval=0.5)
    assert list(cloud.compute.servers()) == []
    cloud.network.remove_interface_from_router(router, subnet=subnet.id)
    cloud.network.delete_router(router)
    cloud.network.delete_port(port)
    cloud.network.delete_network(network)


def check_volume(cloud: Any) -> None:
    storage = cloud.block_storage
    volume = storage.create_volume(name="volume", size=1)
    volume = storage.wait_for_status(volume, "available", wait=120, interval=0.5)
    assert [(one.name, one.volume_type) for one in storage.volumes()] == [("volume", "fake")]
    storage.delete_volume(volume)
    storage.wait_for_delete(volume, wait=120, interval=0.5)
    assert list(storage.volumes()) == []
