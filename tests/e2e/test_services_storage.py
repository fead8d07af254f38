"""Glance, Placement, Swift and Horizon, for real: on MariaDB, and side by side with SQLite.

They need root and apt, or Debian's packages, and a package index or uv's cache.
"""

import http.cookiejar
import json
import os
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, MakeStackDir, StackDir
from tests.e2e.browser import Browser
from tests.e2e.test_default_stack import free_port, openstack, processes_of

pytestmark = [pytest.mark.full, pytest.mark.timeout(2400)]

PORTS = (
    *("KEYSTONE_SERVICE_PORT", "GLANCE_SERVICE_PORT", "PLACEMENT_SERVICE_PORT", "DATABASE_PORT"),
    *("MEMCACHED_PORT", "SWIFT_SERVICE_PORT", "ACCOUNT_PORT_BASE", "CONTAINER_PORT_BASE"),
    *("OBJECT_PORT_BASE", "HORIZON_SERVICE_PORT", "RABBIT_PORT"),
)
EVERYTHING = (
    "key,mysql,rabbit,g-api,placement-api,s-proxy,s-object,s-container,s-account,horizon,tempest"
)
MEBIBYTE = 2**20


@pytest.fixture
def make_services(stack_dir: MakeStackDir, tmp_path: Path) -> Iterator[MakeStackDir]:
    """Return a maker of stack directories with services, each on ports of its own."""
    made: list[StackDir] = []
    home = tmp_path / "home"
    home.mkdir()

    def make(name: str, services: str, **environ: str) -> StackDir:
        lines = [f"{setting}={free_port()}" for setting in PORTS]
        directory = stack_dir(
            {
                "extras.d/80-tempest.py": (CHECKOUT / "extras.d" / "80-tempest.py").read_text(),
                "local.conf": "\n".join(("[[local|localrc]]", *lines, "")),
            },
            name=name,
            services=services,
            HOME=str(home),
            UV_CACHE_DIR=os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache" / "uv"),
            **environ,
        )
        made.append(directory)
        return directory

    yield make
    for directory in made:
        directory.run("clean")


def port_of(directory: StackDir, setting: str) -> str:
    text = (directory.path / "local.conf").read_text()
    return dict(line.split("=") for line in text.splitlines() if "=" in line)[setting]


def pids(directory: StackDir) -> set[int]:
    """Return the processes of the stack, by which a second run can be told to start nothing."""
    listed = subprocess.run(["pgrep", "-f", str(directory.dest)], capture_output=True, check=False)
    return set(map(int, listed.stdout.split()))


def token(directory: StackDir, field: str = "id") -> str:
    return openstack(directory, "devstack-admin", "token", "issue", "-f", "value", "-c", field)


def curl(directory: StackDir, *words: str, stdin: bytes | None = None) -> bytes:
    """Ask a service, with a token that no argument shows."""
    header = directory.path / "header"
    header.touch(0o600)
    header.write_text(f"X-Auth-Token: {token(directory)}\n")
    command = ["curl", "--silent", "--fail", "--noproxy", "*", "-H", f"@{header}", *words]
    return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout


def test_services_on_mariadb(make_services: MakeStackDir) -> None:
    stack = make_services("all", EVERYTHING)
    first = stack.run("stack", timeout=1500).ok()
    assert "WARNING: uncollected" not in first.out
    for setting in ("GLANCE_SERVICE_PORT", "SWIFT_SERVICE_PORT", "HORIZON_SERVICE_PORT"):
        assert f" is at http://127.0.0.1:{port_of(stack, setting)}" in first.out
    check_secrecy(stack, first.out)
    check_services(stack)
    check_swift(stack)
    check_horizon(stack)
    check_browser(stack)

    before = pids(stack)
    stack.run("stack", timeout=120).ok()
    assert before <= pids(stack)
    check_neighbour(make_services)
    stack.run("tempest", timeout=900).ok()
    check_fresh_databases(stack)

    stack.run("unstack").ok()
    assert processes_of(stack) == []
    assert not pids(stack)
    stack.run("clean").ok()
    assert not stack.dest.exists()


def check_neighbour(make_services: MakeStackDir) -> None:
    """Beside the first stack, another one comes up in order, without MariaDB."""
    other = make_services("other", "key,g-api,placement-api", DEVSTACK_PARALLEL="False")
    other.run("stack", timeout=900).ok()
    check_services(other)
    other.run("unstack").ok()
    assert processes_of(other) == []


def check_secrecy(stack: StackDir, out: str) -> None:
    lines = (stack.dest / "passwords").read_text().splitlines()
    secrets = dict(line.split("=", 1) for line in lines)
    assert {"ADMIN_PASSWORD", "DATABASE_PASSWORD", "SERVICE_PASSWORD"} <= set(secrets)
    commands = subprocess.check_output(["ps", "-eo", "args"], text=True)
    logs = [path for name in ("logs", "async") for path in (stack.dest / name).rglob("*")]
    for name, secret in secrets.items():
        assert secret not in out + commands, name
        assert [path for path in logs if path.is_file() and secret in _text(path)] == [], name
    for path in (stack.dest / "data").rglob("*"):
        if path.is_file() and any(secret in _text(path) for secret in secrets.values()):
            assert path.stat().st_mode & 0o077 == 0, path


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.stat().st_size < MEBIBYTE else ""


def check_services(stack: StackDir) -> None:
    glance = f"http://127.0.0.1:{port_of(stack, 'GLANCE_SERVICE_PORT')}/v2/images"
    kind = ("-H", "Content-Type: application/json")
    wanted = json.dumps({"name": "piped", "disk_format": "raw", "container_format": "bare"})
    image = json.loads(curl(stack, *kind, "-d", wanted, glance))["id"]
    content = os.urandom(20 * MEBIBYTE)
    kind = ("-H", "Content-Type: application/octet-stream")
    curl(stack, *kind, "--upload-file", "-", f"{glance}/{image}/file", stdin=content)
    assert curl(stack, f"{glance}/{image}/file") == content
    assert json.loads(curl(stack, f"{glance}/{image}"))["status"] == "active"
    placement = f"http://127.0.0.1:{port_of(stack, 'PLACEMENT_SERVICE_PORT')}"
    found = json.loads(curl(stack, f"{placement}/resource_providers"))
    assert found == {"resource_providers": []}


def check_swift(stack: StackDir) -> None:
    project = token(stack, "project_id")
    port = port_of(stack, "SWIFT_SERVICE_PORT")
    container = f"http://127.0.0.1:{port}/v1/AUTH_{project}/box"
    curl(stack, "--request", "PUT", container)
    content = os.urandom(100 * MEBIBYTE)
    curl(stack, "--upload-file", "-", f"{container}/large", stdin=content)
    assert curl(stack, f"{container}/large") == content
    assert curl(stack, container) == b"large\n"


def check_horizon(stack: StackDir) -> None:
    """Log in by the form, as a browser does, and see the overview."""
    address = f"http://127.0.0.1:{port_of(stack, 'HORIZON_SERVICE_PORT')}"
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)
    login = browser.open(f"{address}/auth/login/").read().decode()
    match = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', login)
    assert match
    lines = (stack.dest / "passwords").read_text().splitlines()
    form = {
        "csrfmiddlewaretoken": match[1],
        "username": "admin",
        "password": dict(line.split("=", 1) for line in lines)["ADMIN_PASSWORD"],
        "domain": "default",
        "region": "default",
        "next": "/identity/",
    }
    data = urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(f"{address}/auth/login/", data, {"Referer": address})
    answer = browser.open(request)
    page = answer.read().decode()
    assert answer.url == f"{address}/identity/", page[:2000]
    assert "Sign Out" in page
    style = re.search(r'href="(/static/[^"]+\.css)"', page)
    assert style
    assert browser.open(address + style[1]).status == 200


def check_browser(stack: StackDir) -> None:
    """Log in with a real browser; the picture of what it shows stays in the test's directory."""
    if not shutil.which("chromium"):
        packages = ["--no-install-recommends", "chromium", "fonts-dejavu-core"]
        subprocess.run(["apt-get", "install", "--yes", *packages], check=True)
    lines = (stack.dest / "passwords").read_text().splitlines()
    password = dict(line.split("=", 1) for line in lines)["ADMIN_PASSWORD"]
    address = f"http://127.0.0.1:{port_of(stack, 'HORIZON_SERVICE_PORT')}"
    browser = Browser(stack.path.parent / "profile")
    try:
        browser.open(f"{address}/auth/login/")
        browser.run("document.getElementById('id_username').value = 'admin'")
        browser.run(f"document.getElementById('id_password').value = '{password}'")
        browser.run("document.getElementById('loginBtn').click()")
        browser.wait_for("location.pathname !== '/auth/login/' && !!document.body")
        # The overview is of servers, which this stack has none of.
        browser.open(f"{address}/project/api_access/")
        browser.wait_for("document.body.innerText.includes('Service Endpoint')")
        assert "Object Store" in browser.run("document.body.innerText")
    finally:
        browser.screenshot(stack.path.parent / "horizon.png")
        browser.close()


def check_fresh_databases(stack: StackDir) -> None:
    images = ("image", "list", "-f", "value", "-c", "Name")
    assert "piped" in openstack(stack, "devstack-admin", *images)
    stack.run("stack", RECREATE_DB="True", timeout=600).ok()
    assert "piped" not in openstack(stack, "devstack-admin", *images)
    check_services(stack)


def test_a_port_of_another_is_told_with_its_process(make_services: MakeStackDir) -> None:
    stack = make_services("taken", "key,g-api")
    with subprocess.Popen(
        ["python3", "-m", "http.server", port_of(stack, "GLANCE_SERVICE_PORT")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as other:
        assert other.stdout
        other.stdout.readline()
        outcome = stack.run("stack").failed(1)
        other.terminate()
    assert f"process {other.pid}" in outcome.out
    assert "GLANCE_SERVICE_PORT" in outcome.out
    assert not (stack.dest / "venvs").exists()
