"""A stack with plugins of others: a repository of DevStack's kind, and an `ApiService`."""

import json
import re
import shutil
import stat
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from openstack.config import OpenStackConfig
from openstack.connection import Connection

from doitstack.cli.init import stack_directory_files
from tests.conftest import CHECKOUT, MakeStackDir, StackDir, user_caches
from tests.e2e.samples import free_ports
from tests.integration.bash.repositories import Repository

PLUGINS = Path(__file__).parents[1] / "data" / "plugins"
ALMANAC, TIDES = PLUGINS / "almanac", PLUGINS / "tides"
DAYS = ["monday", "tuesday", "wednesday"]
WORLD = """\
if [[ "$1 $2" == "stack install" ]]; then
    echo "six===1.16.0" >> $DEST/requirements/upper-constraints.txt
    pip_install six
elif [[ "$1 $2" == "stack post-config" ]]; then
    project=keystone # so that no link is made in the machine's /etc
    iniset /etc/$project/keystone.conf token expiration 700
elif [[ "$1 $2" == "stack extra" ]]; then
    get_or_create_project world
fi
"""
"""A plugin, in a repository of the name of an in-tree service, that relies on what DevStack has."""


def make_almanac(make: MakeStackDir, top: Path) -> StackDir:
    """Return a stack directory with Keystone and the almanac, on other ports."""
    repository = Repository(top / "git" / "almanac", {})
    shutil.copytree(ALMANAC, repository.path, dirs_exist_ok=True)
    repository.commit({})
    files = {"devstack/plugin.sh": WORLD}
    world = Repository(top / "git" / "keystone", files)
    keystone, almanac, tides, *_ = free_ports().values()
    return make(
        {
            "local.conf": f"""\
[[local|localrc]]
KEYSTONE_SERVICE_PORT={keystone}
ALMANAC_PORT={almanac}
TIDES_SERVICE_PORT={tides}
APACHE_PORT=
enable_plugin almanac {repository.url}
enable_plugin keystone {world.url}

[[post-config|$ALMANAC_CONF]]
[days]
first = monday of $ALMANAC_REGION
""",
            "openrc": stack_directory_files()["openrc"],
            "extras.d/50-tides.py": documented_service(),
            "tides/tides_api.py": (TIDES / "tides_api.py").read_text(),
        },
        name="almanac",
        services="key,tides",
        **user_caches(),
    )


def documented_service() -> str:
    """Return the `ApiService` of docs/plugins.md."""
    page = (CHECKOUT / "docs" / "plugins.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (example,) = [one for one in examples if "(ApiService)" in one]
    return example


def check_plugins(stack: StackDir) -> None:
    """All services of the plugins are what they were made to be, and answer."""
    clouds = OpenStackConfig(config_files=[str(stack.dest / "clouds.yaml")])
    with Connection(config=clouds.get_one("devstack-admin")) as cloud:
        check_accounts(cloud)
        check_world(stack, cloud)
        url, web_url = url_of(cloud, "almanac"), url_of(cloud, "almanac_web")
        check_tides(stack, url_of(cloud, "tides"), cloud.auth_token)
    assert answer_of(url) == DAYS
    # DevStack would serve this one through Apache.
    assert answer_of(web_url) == [*DAYS, "/almanac/"]


def check_accounts(cloud: Connection) -> None:
    """Hold Keystone to what the almanac has made in it, once."""
    user = cloud.identity.find_user("almanac", ignore_missing=False)
    role = cloud.identity.find_role("almanac_reader", ignore_missing=False)
    service = cloud.identity.find_service("almanac", ignore_missing=False)
    endpoints = list(cloud.identity.endpoints(service_id=service.id))
    assert (user.name, role.name, service.type) == ("almanac", "almanac_reader", "almanac")
    assert list(cloud.identity.role_assignments(user_id=user.id))
    assert sorted(one.interface for one in endpoints) == ["admin", "internal", "public"]
    assert {one.region_id for one in endpoints} == {"RegionOne"}


def check_world(stack: StackDir, cloud: Connection) -> None:
    """What the plugin of Keystone's name has changed takes effect."""
    assert cloud.identity.find_project("world", ignore_missing=False).domain_id == "default"
    expires = cloud.session.auth.get_access(cloud.session).expires
    assert timedelta(seconds=600) < expires - datetime.now(UTC) <= timedelta(seconds=700)
    assert list((stack.dest / "venvs" / "stack").glob("lib/python*/site-packages/six-1.16.0.*"))


def url_of(cloud: Connection, name: str) -> str:
    """Return the public address of a service, as the catalog has it."""
    service = cloud.identity.find_service(name, ignore_missing=False)
    (endpoint,) = cloud.identity.endpoints(service_id=service.id, interface="public")
    return str(endpoint.url)


def check_tides(stack: StackDir, url: str, token: str) -> None:
    """The service answers only to users of Keystone."""
    request = urllib.request.Request(url, headers={"X-Auth-Token": token})
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer) == {"tides": ["high", "low"]}
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(url)
    conf = stack.dest / "data" / "tides" / "etc" / "tides.conf"
    assert stat.S_IMODE(conf.stat().st_mode) == 0o600


def answer_of(url: str) -> list[str]:
    with urllib.request.urlopen(url, timeout=250) as answer:
        return str(answer.read().decode()).split()
