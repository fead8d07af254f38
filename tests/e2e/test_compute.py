"""The compute services in two cells, for real: a server with a neutron port, a volume.

They need root and apt, or Debian's packages, and a package index or uv's cache.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest

from tests.conftest import MakeStackDir, StackDir
from tests.e2e.test_default_stack import free_port, processes_of

# The SDK warns of what it will drop itself.
pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(3600),
    pytest.mark.filterwarnings("default"),
]

PORTS = (
    *("KEYSTONE_SERVICE_PORT", "GLANCE_SERVICE_PORT", "PLACEMENT_SERVICE_PORT", "DATABASE_PORT"),
    *("MEMCACHED_PORT", "RABBIT_PORT", "RABBIT_DIST_PORT", "RABBIT_EPMD_PORT"),
    *("NEUTRON_SERVICE_PORT", "NOVA_SERVICE_PORT", "METADATA_SERVICE_PORT", "CINDER_SERVICE_PORT"),
)
COMPUTE = (
    "key,mysql,rabbit,g-api,placement-api,neutron-api,n-api,n-cond,n-sch,n-cpu,n-api-meta,"
    "c-api,c-sch,c-vol"
)
STARTED = {
    *("n-api", "n-api-meta", "n-super-cond", "n-cond-cell1", "n-cond-cell2", "n-sch"),
    *("n-cpu-1", "n-cpu-2", "neutron-api", "c-api", "c-sch", "c-vol"),
}
SECRETS = ("ADMIN_PASSWORD", "SERVICE_PASSWORD", "DATABASE_PASSWORD", "RABBIT_PASSWORD")
FUTURES = (
    *("create_nova_accounts", "create_neutron_accounts", "create_cinder_accounts"),
    *("init_neutron", "init_cinder", "nova-cell-0", "nova-cell-1", "nova-cell-2"),
    *("configure_neutron_nova", "create_flavors"),
)


@pytest.fixture
def compute(stack_dir: MakeStackDir, tmp_path: Path) -> Iterator[StackDir]:
    """A stack directory with the compute services in two cells, on ports of its own."""
    home = tmp_path / "home"
    home.mkdir()
    lines = [f"{setting}={free_port()}" for setting in PORTS]
    lines += ["NOVA_NUM_CELLS=2", "NUMBER_FAKE_NOVA_COMPUTE=2"]
    made = stack_dir(
        {"local.conf": "\n".join(("[[local|localrc]]", *lines, ""))},
        services=COMPUTE,
        HOME=str(home),
        UV_CACHE_DIR=os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache" / "uv"),
    )
    yield made
    made.run("clean", timeout=300)


def processes(stack: StackDir) -> dict[str, int]:
    listed = (line.split() for line in stack.run("services").ok().lines)
    return {words[0]: int(words[2]) for words in listed if len(words) > 3 and words[2].isdecimal()}


def test_compute_services_from_nothing_to_nothing(
    compute: StackDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = compute.run("stack", timeout=2400).ok()
    assert "WARNING: uncollected" not in first.out
    assert all(f"[Async {name}:" in first.out for name in FUTURES)
    started = processes(compute)
    assert started.keys() >= STARTED
    check_secrecy(compute, first.out)

    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(compute.dest / "clouds.yaml"))
    with openstack.connect(cloud="devstack-admin") as cloud:
        check_nova(cloud)
        check_server(cloud)
        check_volume(cloud)

    compute.run("stack", timeout=300).ok()
    assert processes(compute).items() >= started.items()

    compute.run("unstack", timeout=300).ok()
    assert processes_of(compute) == []
    compute.run("clean", timeout=300).ok()
    assert not compute.dest.exists()


def check_secrecy(stack: StackDir, out: str) -> None:
    lines = (stack.dest / "passwords").read_text().splitlines()
    passwords = dict(line.split("=", 1) for line in lines)
    assert set(SECRETS) <= set(passwords)
    shown = [out, *processes_of(stack)]
    shown += [path.read_text() for path in (stack.dest / "async").glob("*.*")]
    assert [name for name, value in passwords.items() if value in "\n".join(shown)] == []
    for name in ("nova", "neutron", "cinder"):
        for path in (stack.dest / "data" / name / "etc").rglob("*"):
            assert path.stat().st_mode & 0o077 == 0, path


def check_nova(cloud: Any) -> None:
    computes = list(cloud.compute.services(binary="nova-compute"))
    assert [service.state for service in computes] == ["up", "up"]
    hosts = {service.host for service in computes}
    assert {hypervisor.name for hypervisor in cloud.compute.hypervisors()} == hosts
    assert {provider.name for provider in cloud.placement.resource_providers()} == hosts
    flavors = {flavor.name for flavor in cloud.compute.flavors()}
    assert {"m1.nano", "m1.tiny", "cirros256", "ds4G"} <= flavors


def check_server(cloud: Any) -> None:
    """A network, a subnet, a router and a port; a server comes up with that port, and goes."""
    assert {"private", "public"} <= {network.name for network in cloud.network.networks()}
    network = cloud.network.create_network(name="net")
    subnet = cloud.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.9.0.0/24")
    router = cloud.network.create_router(name="router")
    cloud.network.add_interface_to_router(router, subnet_id=subnet.id)
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
    cloud.network.remove_interface_from_router(router, subnet_id=subnet.id)


def check_volume(cloud: Any) -> None:
    storage = cloud.block_storage
    volume = storage.create_volume(name="volume", size=1)
    volume = storage.wait_for_status(volume, "available", wait=120, interval=0.5)
    assert [(one.name, one.volume_type) for one in storage.volumes()] == [("volume", "fake")]
    storage.delete_volume(volume)
    storage.wait_for_delete(volume, wait=120, interval=0.5)
    assert list(storage.volumes()) == []
