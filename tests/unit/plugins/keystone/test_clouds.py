"""clouds.yaml and openrc, as programs read them."""

import importlib
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from doitstack_plugins.keystone.clouds import CLOUDS, write_clouds
from tests.unit.recorded_actions import make_stack

SHOWN = 'echo "$OS_USERNAME|$OS_PROJECT_NAME|$OS_PASSWORD|$OS_AUTH_URL|${OS_CLOUD-none}"'


def write(tmp_path: Path) -> Path:
    stack = make_stack(tmp_path / "a b'c")
    write_clouds(stack)
    return stack.dest


def test_clouds_yaml_is_private_and_has_devstacks_clouds(tmp_path: Path) -> None:
    dest = write(tmp_path)
    path = dest / "clouds.yaml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    clouds = yaml.safe_load(path.read_text())["clouds"]
    assert list(clouds) == list(CLOUDS)
    assert clouds["devstack"] == {
        "region_name": "RegionOne",
        "identity_api_version": "3",
        "interface": "public",
        "auth": {
            "auth_url": "http://127.0.0.1:5000",
            "username": "demo",
            "password": "p$ 'w",
            "user_domain_id": "default",
            "project_name": "demo",
            "project_domain_id": "default",
        },
    }
    system = clouds["devstack-system-admin"]["auth"]
    assert system["system_scope"] == "all"
    assert "project_name" not in system


@pytest.mark.filterwarnings("ignore:Support for InfluxDB")
def test_clouds_yaml_is_understood_by_the_sdk(tmp_path: Path) -> None:
    dest = write(tmp_path)
    # Slow to import: each worker of pytest would do it at the top of the file.
    sdk = importlib.import_module("openstack.config")
    config = sdk.OpenStackConfig(config_files=[str(dest / "clouds.yaml")], load_envvars=False)
    region = config.get_one(cloud="devstack-alt-reader")
    assert region.auth["username"] == "alt_demo_reader"
    assert region.auth["project_name"] == "alt_demo"


def test_openrc_sets_the_named_user(tmp_path: Path) -> None:
    dest = write(tmp_path)
    assert stat.S_IMODE((dest / "openrc").stat().st_mode) == 0o600

    def source(*words: str) -> str:
        command = [
            "bash",
            "-euc",
            f'rc=$1; shift; source "$rc" "$@"; {SHOWN}',
            "bash",
            str(dest / "openrc"),
            *words,
        ]
        env = {"PATH": "/usr/bin:/bin", "OS_CLOUD": "other"}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert source() == "demo|demo|p$ 'w|http://127.0.0.1:5000|none"
    assert source("admin", "admin") == "admin|admin|p$ 'w|http://127.0.0.1:5000|none"


def test_openrc_puts_the_client_first_in_path_and_once(tmp_path: Path) -> None:
    dest = write(tmp_path)
    command = f"source {str(dest / 'openrc')!r}; " * 2 + 'echo "$PATH"'
    env = {"PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        ["bash", "-euc", command], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"{dest}/bin:/usr/bin:/bin"


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({}, "127.0.0.1"),
        ({"NO_PROXY": "a.example"}, "a.example,127.0.0.1"),
        ({"no_proxy": "127.0.0.1,a.example"}, "127.0.0.1,a.example"),
    ],
)
def test_openrc_reaches_the_cloud_past_a_proxy(
    tmp_path: Path, known: dict[str, str], told: str
) -> None:
    dest = write(tmp_path)
    command = f"source {str(dest / 'openrc')!r}; " * 2 + "printenv no_proxy"
    env = {"PATH": "/usr/bin:/bin", **known}
    done = subprocess.run(
        ["bash", "-euc", command], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == told


def test_openrc_pleases_shellcheck(tmp_path: Path) -> None:
    dest = write(tmp_path)
    shellcheck = Path(sys.executable).with_name("shellcheck")
    command = [shellcheck, "--shell=bash", dest / "openrc"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
