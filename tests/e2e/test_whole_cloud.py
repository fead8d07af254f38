"""The sample of a real cloud as it stands: Tempest logs in to its guests, and a browser sees one.

The host is a namespace, so all traffic to floating IPs stays in it.
They need root, and apt or Debian's packages.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from doitstack_plugins.tempest.guests import SCENARIOS
from tests.conftest import StackDir, stack_dirs
from tests.e2e.browser import Browser, install_browser
from tests.e2e.private_host import PrivateHost, private_host
from tests.e2e.samples import check_stopped, make_sample, needs_packages, tempest_passes
from tests.namespaces import needs_namespaces

pytestmark = [
    needs_packages,
    needs_namespaces,
    pytest.mark.full,
    pytest.mark.timeout(7200),
]

LOGIN = """
document.querySelector('#id_username').value = 'demo';
document.querySelector('#id_password').value = '{password}';
document.querySelector('form').submit();
"""
# What the dashboard's own form for a new server sends.
LAUNCH = """
(async () => {{
    const token = document.cookie.match(/csrftoken=([^;]*)/)[1];
    const ours = {{'X-Requested-With': 'XMLHttpRequest'}};
    const get = async (path) => (await fetch('/api/' + path, {{headers: ours}})).json();
    const one = (list, name) => {{
        const found = list.items.find((item) => item.name === name);
        if (found) return found.id;
        throw new Error(name + ' is not in ' + list.items.map((item) => item.name));
    }};
    const answer = await fetch('/api/nova/servers/', {{
        method: 'POST',
        headers: {{...ours, 'X-CSRFToken': token, 'Content-Type': 'application/json'}},
        body: JSON.stringify({{
            name: 'seen',
            source_id: one(await get('glance/images/'), 'debian-tiny'),
            flavor_id: one(await get('nova/flavors/?is_public=true'), 'm1.nano'),
            key_name: 'first',
            user_data: '', security_groups: ['first'], instance_count: 1,
            availability_zone: 'nova', admin_pass: null, disk_config: 'AUTO', config_drive: false,
            nics: [{{'net-id': one(await get('neutron/networks/'), 'private'), 'v4-fixed-ip': ''}}],
        }}),
    }});
    window.launched = answer.status + ' ' + await answer.text();
}})().catch((error) => {{ window.launched = String(error); }});
"""


@pytest.fixture(scope="module")
def host() -> Iterator[PrivateHost]:
    with private_host() as host:
        yield host


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, host: PrivateHost) -> Iterator[StackDir]:
    """The sample, stacked on the host; packages are fetched before, from the machine's network."""
    with stack_dirs(tmp_path_factory.mktemp("cloud")) as make:
        stack = make_sample(make, "cloud", tmp_path_factory.mktemp("home"))
        stack.run("stack", timeout=2400, PUBLIC_NETWORK_ON_HOST="False").ok()
        check_stopped(stack)
        stack = host.take(stack)
        stack.run("stack", timeout=2400).ok()
        yield stack
        check_stopped(stack)
        stack.run("clean", timeout=300).ok()


def test_tempest_logs_in_to_guests(cloud: StackDir) -> None:
    scenarios = (f"tempest.scenario.test_{name}." for name in SCENARIOS)
    smoke = (
        f"tempest.api.{name}." for name in ("compute", "identity", "image", "network", "volume")
    )
    tempest_passes(cloud, *scenarios, *smoke, timeout=5400)


def test_a_server_is_launched_and_seen_in_a_browser(
    cloud: StackDir, host: PrivateHost, tmp_path: Path
) -> None:
    install_browser()
    dashboard = f"http://127.0.0.1:{cloud.environ['HORIZON_SERVICE_PORT']}"
    lines = (cloud.dest / "passwords").read_text().splitlines()
    password = dict(line.split("=", 1) for line in lines)["ADMIN_PASSWORD"]
    browser = Browser(tmp_path / "profile", host.prefix)
    browser.look_like(width=1300)
    client = [
        "env",
        f"OS_CLIENT_CONFIG_FILE={cloud.dest}/clouds.yaml",
        f"{cloud.dest}/bin/openstack",
    ]
    words = ("token", "issue", "-f", "value", "-c", "project_id")
    project = host.run(*client, "--os-cloud", "devstack", *words).strip()
    try:
        log_in(browser, dashboard, password)
        # The user has more than one project, and the dashboard may take any of them.
        browser.open(f"{dashboard}/auth/switch/{project}/?next=/project/")
        see_server(browser, dashboard)
    finally:
        browser.close()


def log_in(browser: Browser, dashboard: str, password: str) -> None:
    browser.open(f"{dashboard}/auth/login/")
    browser.screenshot("cloud-login")
    browser.run(LOGIN.format(password=password))
    browser.wait_for("location.pathname.startsWith('/project')")


def see_server(browser: Browser, dashboard: str) -> None:
    """Launch a server and look at its console; a picture of each page is kept."""
    browser.run(LAUNCH.format())
    browser.wait_for("window.launched", timeout=300)
    assert browser.run("window.launched").startswith("201"), browser.run("window.launched")
    browser.open(f"{dashboard}/project/instances/")
    link = "[...document.querySelectorAll('a')].find((a) => a.textContent.trim() === 'seen')"
    browser.wait_for(f"{link} !== undefined")
    browser.screenshot("cloud-servers")
    server = browser.run(f"{link}.href")
    wait_for_prompt(browser, f"{server}?tab=instance_details__log")
    browser.screenshot("cloud-log")
    browser.open(f"{server}?tab=instance_details__console")
    browser.wait_for("document.querySelector('iframe#console_embed') !== null")
    # The page in the page is of another origin, so it is looked at by itself.
    browser.open(browser.run("document.querySelector('iframe#console_embed').src"))
    browser.wait_for("document.querySelector('#status').textContent.startsWith('Connected')")
    time.sleep(1)  # until it has drawn what the guest shows
    browser.screenshot("cloud-console")


def wait_for_prompt(browser: Browser, log: str) -> None:
    """Look at the log of the server until it ends with the prompt of its console."""
    deadline = time.monotonic() + 600
    browser.open(log)
    while "seen login:" not in browser.run("document.body.innerText"):
        assert time.monotonic() < deadline, browser.run("document.body.innerText")
        time.sleep(2)
        browser.open(log)
