"""Plugins of others on the real Keystone: a repository of DevStack's kind, an `ApiService`."""

import json
import re
import shutil
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import openstack
import pytest

from doitstack.cli.init import stack_directory_files
from tests.conftest import CHECKOUT, MakeStackDir, StackDir, user_caches
from tests.e2e.test_default_stack import free_port, processes_of
from tests.integration.bash.repositories import Repository

pytestmark = [
    pytest.mark.timeout(600),
    # The SDK warns of what its own classes do.
    pytest.mark.filterwarnings("ignore::openstack.warnings.RemovedInSDK50Warning"),
    pytest.mark.filterwarnings("ignore::openstack.warnings.RemovedInSDK60Warning"),
]

PLUGINS = Path(__file__).parents[1] / "data" / "plugins"
ALMANAC, TIDES = PLUGINS / "almanac", PLUGINS / "tides"
DAYS = ["monday", "tuesday", "wednesday"]


def documented_service() -> str:
    """Return the `ApiService` of docs/plugins.md."""
    page = (CHECKOUT / "docs" / "plugins.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (example,) = [one for one in examples if "(ApiService)" in one]
    return example


@pytest.fixture
def stack(stack_dir: MakeStackDir, tmp_path: Path) -> Iterator[StackDir]:
    """A stack directory with Keystone and the almanac, on ports of their own."""
    repository = Repository(tmp_path / "git" / "almanac", {})
    shutil.copytree(ALMANAC, repository.path, dirs_exist_ok=True)
    repository.commit({})
    made = stack_dir(
        {
            "local.conf": f"""\
[[local|localrc]]
KEYSTONE_SERVICE_PORT={free_port()}
ALMANAC_PORT={free_port()}
TIDES_SERVICE_PORT={free_port()}
enable_plugin almanac {repository.url}

[[post-config|$ALMANAC_CONF]]
[days]
first = monday of $ALMANAC_REGION
""",
            "openrc": stack_directory_files()["openrc"],
            "extras.d/50-tides.py": documented_service(),
            "tides/tides_api.py": (TIDES / "tides_api.py").read_text(),
        },
        services="key,tides",
        **user_caches(),
    )
    yield made
    made.run("clean")


def connect(stack: StackDir, monkeypatch: pytest.MonkeyPatch) -> openstack.connection.Connection:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(stack.dest / "clouds.yaml"))
    return openstack.connect(cloud="devstack-admin")


def check_cloud(stack: StackDir, monkeypatch: pytest.MonkeyPatch) -> str:
    """Hold Keystone to what the plugin has made in it; return the almanac's address."""
    with connect(stack, monkeypatch) as cloud:
        user = cloud.identity.find_user("almanac", ignore_missing=False)
        role = cloud.identity.find_role("almanac_reader", ignore_missing=False)
        grants = list(cloud.identity.role_assignments(user_id=user.id))
        service = cloud.identity.find_service("almanac", ignore_missing=False)
        endpoints = list(cloud.identity.endpoints(service_id=service.id))
    assert (user.name, role.name, service.type) == ("almanac", "almanac_reader", "almanac")
    assert grants, "the service's user has a role"
    assert sorted(one.interface for one in endpoints) == ["admin", "internal", "public"]
    assert {one.region_id for one in endpoints} == {"RegionOne"}
    return str(endpoints[0].url)


def web_url(stack: StackDir, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of the almanac that DevStack would have behind Apache."""
    with connect(stack, monkeypatch) as cloud:
        service = cloud.identity.find_service("almanac_web", ignore_missing=False)
        (endpoint,) = cloud.identity.endpoints(service_id=service.id)
    return str(endpoint.url)


def check_tides(stack: StackDir, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service answers in its own catalog entry, to those alone whom Keystone knows."""
    with connect(stack, monkeypatch) as cloud:
        service = cloud.identity.find_service("tides", ignore_missing=False)
        (endpoint,) = cloud.identity.endpoints(service_id=service.id)
        token = {"X-Auth-Token": cloud.auth_token}
    with urllib.request.urlopen(urllib.request.Request(endpoint.url, headers=token)) as answer:
        assert json.load(answer) == {"tides": ["high", "low"]}
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(endpoint.url)
    conf = stack.dest / "data" / "tides" / "etc" / "tides.conf"
    assert stat.S_IMODE(conf.stat().st_mode) == 0o600


def answer_of(url: str) -> list[str]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode()).split()


def test_plugin_repository_from_a_git_url_to_nothing(
    stack: StackDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = stack.run("stack", timeout=500).ok()
    assert "Starting the almanac" in outcome.lines
    assert "computing the days" in outcome.lines, "the log of the future, where it was collected"
    assert {"catalog: almanac", "openrc: admin"} <= set(outcome.lines)
    assert not [line for line in outcome.lines if line.startswith("WARNING")]
    url = check_cloud(stack, monkeypatch)
    assert answer_of(url) == DAYS
    assert answer_of(web_url(stack, monkeypatch)) == [*DAYS, "/almanac"]
    check_tides(stack, monkeypatch)
    conf = (stack.dest / "etc" / "almanac" / "almanac.conf").read_text()
    assert "first = monday of RegionOne\n" in conf
    assert "[keystone_authtoken]" in conf
    assert f"connection = sqlite:///{stack.dest}/data/almanac/almanac.db\n" in conf
    assert "serve.py" in str(processes_of(stack))

    (stack.dest / "data" / "almanac" / "days.txt").unlink()
    again = stack.run("stack", timeout=200).ok()
    for name in ("install_tides", "init_tides", "create_tides_accounts"):
        assert [one for one in again.lines if f"tides: {name} (up to date)" in one], name
    check_tides(stack, monkeypatch)
    assert check_cloud(stack, monkeypatch) == url, "what is there is not made twice"
    assert answer_of(url) == DAYS
    assert answer_of(web_url(stack, monkeypatch)) == [*DAYS, "/almanac"]

    stack.run("unstack").ok()
    assert processes_of(stack) == []
    assert (stack.dest / "etc" / "almanac").exists()
    stack.run("clean").ok()
    assert [path.name for path in stack.dest.iterdir()] == ["almanac"], "the clone is the user's"
