"""Clouds of several hosts: namespaces of this machine, each with a network and an sshd of its own.

They need root, and apt or Debian's packages.
"""

import re
import shlex
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

from tests.conftest import MakeStackDir, StackDir, stack_dirs, user_caches
from tests.e2e.samples import free_ports, needs_packages
from tests.integration.probes import wait_until
from tests.namespaces import what_guests_lack
from tests.sshd_hosts import SshdHost, needs_hosts, sshd_hosts

pytestmark = [
    needs_packages,
    *needs_hosts,
    pytest.mark.full,
    pytest.mark.timeout(3600),
]

ENVIRON = {"UV_OFFLINE": "1", **user_caches()}
ROOT = Path(__file__).parents[2]
CONTROL = "key,mysql,rabbit,g-api,placement-api,n-api,n-cond,n-sch"
COMPUTE = "n-cpu,ovn-controller,ovs-vswitchd,ovsdb-server,q-ovn-agent"
CLOUD_SERVICES = f"{CONTROL},{COMPUTE},neutron-api,ovn-northd"
CLOUD = f"""\
[[local|localrc]]
HOST_IP=10.88.0.1
VIRT_DRIVER=libvirt
ENABLED_SERVICES={CLOUD_SERVICES},n-api-meta,n-novnc,n-sproxy
"""
SECRETS = "".join(
    f"{name}_PASSWORD=secret\n" for name in ("ADMIN", "DATABASE", "RABBIT", "SERVICE")
)
CONTROLLER = f"[[local|localrc]]\nHOST_IP=10.88.0.1\nENABLED_SERVICES={CONTROL}\n{SECRETS}"
SUBNODE = f"""\
[[local|localrc]]
HOST_IP=@address@
SERVICE_HOST=10.88.0.1
DATABASE_TYPE=mysql
SERVICE_TIMEOUT=3000
{SECRETS}"""
FAKE_SUBNODE = f"{SUBNODE}ENABLED_SERVICES=n-cpu,placement-client\n"
GUEST_SUBNODE = f"{SUBNODE}VIRT_DRIVER=libvirt\nENABLED_SERVICES={COMPUTE}\n"

Hosts = dict[str, SshdHost]


@pytest.fixture
def top() -> Iterator[Path]:
    """A directory whose path is short enough for those of sockets in it."""
    with TemporaryDirectory(prefix="hosts-") as top:
        yield Path(top)


@pytest.fixture
def make(top: Path) -> Iterator[MakeStackDir]:
    with stack_dirs(top / "stacks") as make:
        yield make


@pytest.fixture
def hosts(top: Path, make: MakeStackDir, request: pytest.FixtureRequest) -> Iterator[Hosts]:
    """Hosts with no network but their own: what the test's parameter enables is fetched before."""
    environ = {"VIRT_DRIVER": "libvirt", **free_ports(), **user_caches()}
    first = make(services=request.param, name="first", **environ)
    first.run("stack:install", timeout=1800).ok()
    first.run("unstack", timeout=300).ok()
    with sshd_hosts(top, "controller", "compute1", "compute2", **ENVIRON) as made:
        yield made


def stack_on(host: SshdHost, make: MakeStackDir, conf: str) -> StackDir:
    """Return a stack directory of a host."""
    stack = make({"local.conf": conf.replace("@address@", host.address)}, name=host.name, **ENVIRON)
    del stack.environ["ENABLED_SERVICES"]
    return host.take(stack)


@pytest.fixture
def guests_can_run() -> None:
    if refusal := what_guests_lack():
        pytest.skip(f"this kernel does not do what guests need: {refusal}")


@pytest.mark.parametrize("hosts", [CLOUD_SERVICES], indirect=True)
@pytest.mark.usefixtures("guests_can_run")
def test_guests_of_two_hosts_reach_each_other(hosts: Hosts, make: MakeStackDir) -> None:
    stack = stack_on(hosts["controller"], make, f"{CLOUD}HOSTS=compute1\n")
    lines = stack.run("stack", timeout=2400).ok().lines
    cloud, floating = boot_apart(hosts, lines)
    check_guests(cloud, floating)
    check_consoles(cloud)

    stack.run("stack", timeout=900).ok()
    assert cloud.inside(floating["second"], "hostname") == "second"
    stack.run("unstack", timeout=300).ok()
    assert not any(guests(host) for host in hosts.values())
    stack.run("clean", timeout=300).ok()


@pytest.mark.parametrize("hosts", [CLOUD_SERVICES], indirect=True)
@pytest.mark.usefixtures("guests_can_run")
def test_subnode_that_is_stacked_by_itself_has_guests(hosts: Hosts, make: MakeStackDir) -> None:
    controller = stack_on(hosts["controller"], make, f"{CLOUD}{SECRETS}")
    lines = controller.run("stack", timeout=2400).ok().lines
    subnode = stack_on(hosts["compute1"], make, GUEST_SUBNODE)
    subnode.run("stack", timeout=1200).ok()
    cloud, floating = boot_apart(hosts, lines)
    check_guests(cloud, floating)
    check_consoles(cloud)

    for stack in (subnode, controller):
        stack.run("unstack", timeout=300).ok()
    assert not any(guests(host) for host in hosts.values())
    for stack in (subnode, controller):
        stack.run("clean", timeout=300).ok()


class Cloud(NamedTuple):
    """A cloud, as its demo user on the controller sees it.

    Args:
        account: the command that lets a shell use it.
        login: the command that logs in to an address, which follows it after an @.
    """

    controller: SshdHost
    account: str
    login: str

    def run(self, command: str) -> str:
        return self.controller.run("bash", "-c", f"{self.account}; {command}").strip()

    def inside(self, address: str, command: str) -> str:
        """Return what a command in a guest prints."""
        return self.run(f"{self.login}@{address} {shlex.quote(command)}")

    def answers(self, address: str) -> bool:
        try:
            self.inside(address, "true")
        except AssertionError:
            return False
        return True

    def fixed_address(self, server: str) -> str:
        shown = self.run(f"openstack server show {server} -f value -c addresses")
        (address,) = set(re.findall(r"10\.0\.\d+\.\d+", shown))
        return str(address)


def boot_apart(hosts: Hosts, lines: list[str]) -> tuple[Cloud, dict[str, str]]:
    """Boot `first` on one host and `second` on another, with the commands that the stack shows.

    Returns their cloud, and their floating IPs.
    """
    start = lines.index("boot a server and log in to it:") + 1
    create, add_address, login = (line.strip() for line in lines[start : start + 3])
    cloud = Cloud(hosts["controller"], create.partition(";")[0], login.partition("@")[0])
    group = cloud.run("openstack server group create --policy anti-affinity apart -f value -c id")
    second = cloud.run("openstack floating ip create public -f value -c floating_ip_address")
    options = create.partition("server create ")[2].replace("--wait first", f"--hint group={group}")
    for name in ("first", "second"):
        cloud.run(f"openstack server create {options} --wait {name}")
    cloud.run(f"{add_address}; openstack server add floating ip second {second}")
    with_guests = {name for name, host in hosts.items() if guests(host)}
    assert with_guests == {"controller", "compute1"}, "the group keeps the guests apart"
    return cloud, {"first": add_address.split()[-1], "second": second}


def check_consoles(cloud: Cloud) -> None:
    """The proxies of the controller lead to the consoles of guests on both hosts."""
    client = [*("env", f"PYTHONPATH={ROOT}"), sys.executable, "-m", "tests.e2e.consoles"]
    for name in ("first", "second"):
        for option, text in (("--novnc", "RFB 003.008"), ("--serial", "login:")):
            url = cloud.run(f"openstack console url show {option} {name} -f value -c url")
            cloud.controller.run(*client, url, text)


def check_guests(cloud: Cloud, floating: dict[str, str]) -> None:
    """Guests are logged in to by their floating IPs, have metadata, and reach one another."""
    fixed = {name: cloud.fixed_address(name) for name in floating}
    for name, address in floating.items():
        wait_until(partial(cloud.answers, address), f"a login to {name}", 600)
        assert cloud.inside(address, "hostname") == name
        path = "latest/meta-data/local-ipv4"
        assert cloud.inside(address, f"curl http://169.254.169.254/{path}") == fixed[name]
    for name, other in (("first", "second"), ("second", "first")):
        # As many bytes as a packet takes, and TCP.
        pinged = cloud.inside(floating[name], f"ping -c 2 -s 1414 {fixed[other]}")
        assert " 0% packet loss" in pinged
        banner = cloud.inside(floating[name], f"nc {fixed[other]} 22 </dev/null | head -n 1")
        assert banner.startswith("SSH-2.0")


def guests(host: SshdHost) -> list[str]:
    """Return the processes of a host that are guests."""
    return host.run("sh", "-c", "cat /proc/[0-9]*/comm | grep ^qemu-system || true").split()


@pytest.mark.parametrize("hosts", [f"{CONTROL},n-cpu"], indirect=True)
def test_subnode_is_stacked_by_itself_before_and_after_its_controller(
    hosts: Hosts, make: MakeStackDir
) -> None:
    with stack_on(hosts["compute1"], make, FAKE_SUBNODE).start("stack") as early:
        assert early.stdout
        seen = []
        for line in early.stdout:
            seen.append(line)
            if "waiting up to" in line:
                break
        needed = re.findall(r"(\w+) at \S+", "".join(seen[-1:]))
        assert needed == ["keystone", "placement", "nova", "rabbit"], "".join(seen)
        controller = stack_on(hosts["controller"], make, CONTROLLER)
        controller.run("stack", timeout=1800).ok()
        rest, _ = early.communicate(timeout=600)
    assert early.returncode == 0, rest
    late = stack_on(hosts["compute2"], make, FAKE_SUBNODE)
    assert "waiting up to" not in late.run("stack", timeout=1200).ok().out
    listing = "openstack hypervisor list -f value -c 'Hypervisor Hostname' -c State"
    admin = f"source {controller.dest / 'openrc'} admin admin; {listing}"
    listed = hosts["controller"].run("bash", "-c", admin)
    assert sorted(listed.splitlines()) == ["compute11 up", "compute21 up"]
