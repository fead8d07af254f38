"""All services, for real: the unchanged sample of everything, next to another stack.

They need root and apt, or Debian's packages, and a package index or uv's cache.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import MakeStackDir, StackDir
from tests.e2e.browser import Browser, install_browser
from tests.e2e.samples import (
    ADDRESSES,
    check_forks,
    check_ports,
    check_secrecy,
    check_stopped,
    check_told,
    make_sample,
    needs_packages,
    openstack,
    passwords,
    processes,
    tempest_passes,
    watched_commands,
)

pytestmark = [
    needs_packages,
    pytest.mark.full,
    pytest.mark.timeout(5400),
]

LISTENING = {
    "keystone": "KEYSTONE_SERVICE_PORT",
    "g-api": "GLANCE_SERVICE_PORT",
    "placement-api": "PLACEMENT_SERVICE_PORT",
    "neutron-api": "NEUTRON_SERVICE_PORT",
    "n-api": "NOVA_SERVICE_PORT",
    "n-api-meta": "METADATA_SERVICE_PORT",
    "c-api": "CINDER_SERVICE_PORT",
    "s-proxy": "SWIFT_SERVICE_PORT",
    "s-account": "ACCOUNT_PORT_BASE",
    "s-container": "CONTAINER_PORT_BASE",
    "s-object": "OBJECT_PORT_BASE",
    "horizon": "HORIZON_SERVICE_PORT",
    "mysql": "DATABASE_PORT",
    "rabbit": "RABBIT_PORT",
    "memcached": "MEMCACHED_PORT",
    "etcd3": "ETCD_PORT",
}
NEIGHBOUR = """
ENABLED_SERVICES=key,g-api,placement-api
DEVSTACK_PARALLEL=False
"""
PANEL = """\
if [[ "$1 $2" == "stack post-config" ]]; then
    mkdir -p $DATA_DIR/panel/demo_panel
    cd $DATA_DIR/panel
    printf '%s\\n' '[project]' 'name = "demo-panel"' 'version = "1"' > pyproject.toml
    touch demo_panel/__init__.py
    cat > demo_panel/panel.py << 'END'
import horizon
class Demo(horizon.Panel):
    name = "Demo panel"
    slug = "demo"
END
    cat > demo_panel/urls.py << 'END'
from django.http import HttpResponse
from django.urls import re_path
urlpatterns = [re_path(r"^$", lambda request: HttpResponse("hello from the panel"), name="index")]
END
    pip_install $DATA_DIR/panel
    cat > $HORIZON_DIR/openstack_dashboard/local/enabled/_9000_demo.py << 'END'
PANEL = "demo"
PANEL_DASHBOARD = "project"
PANEL_GROUP = "default"
ADD_PANEL = "demo_panel.panel.Demo"
ADD_INSTALLED_APPS = ["demo_panel"]
END
    cd $TOP_DIR
fi
"""
"""A script that adds a panel to the dashboard."""

FAMILIES = ("identity", "image", "network", "compute", "volume", "object_storage")
MEBIBYTE = 2**20


@pytest.fixture
def stacks(stack_dir: MakeStackDir, tmp_path: Path) -> Iterator[tuple[StackDir, StackDir]]:
    """The sample of everything, and a small serial stack on SQLite next to it."""
    home = tmp_path / "home"
    made = (
        make_sample(stack_dir, "everything", home),
        make_sample(stack_dir, "identity", home, NEIGHBOUR),
    )
    (made[0].path / "extras.d" / "50-panel.sh").write_text(PANEL)
    yield made
    for directory in made:
        directory.run("clean", timeout=300)


def token(directory: StackDir, field: str = "id") -> str:
    return openstack(directory, "devstack-admin", "token", "issue", "-f", "value", "-c", field)


def curl(directory: StackDir, *words: str, stdin: bytes | None = None) -> bytes:
    """Ask a service, with a token that no argument shows."""
    header = directory.path / "header"
    header.touch(0o600)
    header.write_text(f"X-Auth-Token: {token(directory)}\n")
    command = ["curl", "--silent", "--fail", "--noproxy", "*", "-H", f"@{header}", *words]
    return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout


def test_sample_of_everything_from_nothing_to_nothing(stacks: tuple[StackDir, StackDir]) -> None:
    stack, other = stacks
    with watched_commands() as commands:
        first = stack.run("stack", timeout=2400).ok()
    assert "WARNING: uncollected" not in first.out
    check_told(stack, first.out, *ADDRESSES)
    check_ports(stack, LISTENING)
    check_forks(stack, "cinder-scheduler")
    check_images(stack)
    check_swift(stack)
    check_dashboard(stack)
    tempest_passes(stack, *(f"tempest.api.{family}." for family in FAMILIES))
    check_secrecy(stack, first.out, commands)

    before = processes(stack)
    stack.run("stack", timeout=300).ok()
    assert processes(stack) == before
    check_neighbour(other)
    assert processes(stack) == before
    check_death(stack)
    check_fresh_databases(stack)

    check_stopped(stack)
    stack.run("clean").ok()
    assert not stack.dest.exists()


def check_neighbour(other: StackDir) -> None:
    """Beside the first stack, another one comes up in order, without MariaDB."""
    other.run("stack", timeout=900).ok()
    check_images(other)
    providers = ("resource", "provider", "list", "-f", "json")
    assert json.loads(openstack(other, "devstack-admin", *providers)) == []
    check_stopped(other)


def check_death(stack: StackDir) -> None:
    """A killed service runs again after the next run."""
    pid, _ = processes(stack)["n-sch"]
    os.killpg(os.getpgid(pid), signal.SIGKILL)
    stack.run("stack", timeout=600).ok()
    assert processes(stack)["n-sch"][0] != pid


def check_images(stack: StackDir) -> None:
    glance = f"http://127.0.0.1:{stack.environ['GLANCE_SERVICE_PORT']}/v2/images"
    kind = ("-H", "Content-Type: application/json")
    wanted = json.dumps({"name": "piped", "disk_format": "raw", "container_format": "bare"})
    image = json.loads(curl(stack, *kind, "-d", wanted, glance))["id"]
    content = os.urandom(20 * MEBIBYTE)
    kind = ("-H", "Content-Type: application/octet-stream")
    curl(stack, *kind, "--upload-file", "-", f"{glance}/{image}/file", stdin=content)
    assert curl(stack, f"{glance}/{image}/file") == content
    assert json.loads(curl(stack, f"{glance}/{image}"))["status"] == "active"


def check_swift(stack: StackDir) -> None:
    project = token(stack, "project_id")
    port = stack.environ["SWIFT_SERVICE_PORT"]
    container = f"http://127.0.0.1:{port}/v1/AUTH_{project}/box"
    curl(stack, "--request", "PUT", container)
    content = os.urandom(100 * MEBIBYTE)
    curl(stack, "--upload-file", "-", f"{container}/large", stdin=content)
    assert curl(stack, f"{container}/large") == content
    assert curl(stack, container) == b"large\n"


def check_dashboard(stack: StackDir) -> None:
    """Log in with a real browser and see the overview; the test's directory keeps the picture."""
    install_browser()
    address = f"http://127.0.0.1:{stack.environ['HORIZON_SERVICE_PORT']}"
    browser = Browser(stack.path.parent / "profile")
    try:
        browser.open(f"{address}/auth/login/")
        browser.run("document.getElementById('id_username').value = 'admin'")
        password = passwords(stack)["ADMIN_PASSWORD"]
        browser.run(f"document.getElementById('id_password').value = '{password}'")
        browser.run("document.getElementById('loginBtn').click()")
        browser.wait_for("location.pathname !== '/auth/login/' && !!document.body")
        browser.open(f"{address}/project/")
        browser.wait_for("document.body.innerText.includes('Limit Summary')")
        shown = browser.run("document.body.innerText")
        assert [word for word in ("Instances", "Volumes", "Networks") if word not in shown] == []
        browser.open(f"{address}/project/demo/")
        browser.wait_for("document.body.innerText.includes('hello from the panel')")
    finally:
        browser.screenshot("dashboard")
        browser.close()


def check_fresh_databases(stack: StackDir) -> None:
    images = ("image", "list", "-f", "value", "-c", "Name")
    assert "piped" in openstack(stack, "devstack-admin", *images)
    stack.run("stack", RECREATE_DB="True", timeout=1200).ok()
    assert "piped" not in openstack(stack, "devstack-admin", *images)
    check_images(stack)
    flavors = openstack(stack, "devstack-admin", "flavor", "list", "-f", "value", "-c", "Name")
    assert "m1.nano" in flavors
