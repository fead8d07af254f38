"""Clouds of several hosts: namespaces of this machine, each with a network and an sshd of its own.

They need root, and apt or Debian's packages.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.conftest import MakeStackDir, StackDir, stack_dirs, user_caches
from tests.e2e.samples import free_ports, needs_packages
from tests.sshd_hosts import SshdHost, needs_hosts, sshd_hosts

pytestmark = [
    needs_packages,
    *needs_hosts,
    pytest.mark.full,
    pytest.mark.timeout(3600),
]

ENVIRON = {"UV_OFFLINE": "1", **user_caches()}
CONTROL = "key,mysql,rabbit,g-api,placement-api,n-api,n-cond,n-sch"
SECRETS = "".join(
    f"{name}_PASSWORD=secret\n" for name in ("ADMIN", "DATABASE", "RABBIT", "SERVICE")
)
CONTROLLER = f"[[local|localrc]]\nHOST_IP=10.88.0.1\nENABLED_SERVICES={CONTROL}\n{SECRETS}"
SUBNODE = f"""\
[[local|localrc]]
HOST_IP=@address@
SERVICE_HOST=10.88.0.1
DATABASE_TYPE=mysql
ENABLED_SERVICES=n-cpu,placement-client
SERVICE_TIMEOUT=3000
{SECRETS}"""

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


@pytest.mark.parametrize("hosts", [f"{CONTROL},n-cpu"], indirect=True)
def test_subnode_is_stacked_by_itself_before_and_after_its_controller(
    hosts: Hosts, make: MakeStackDir
) -> None:
    with stack_on(hosts["compute1"], make, SUBNODE).start("stack") as early:
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
    late = stack_on(hosts["compute2"], make, SUBNODE)
    assert "waiting up to" not in late.run("stack", timeout=1200).ok().out
    listing = "openstack hypervisor list -f value -c 'Hypervisor Hostname' -c State"
    admin = f"source {controller.dest / 'openrc'} admin admin; {listing}"
    listed = hosts["controller"].run("bash", "-c", admin)
    assert sorted(listed.splitlines()) == ["compute11 up", "compute21 up"]
