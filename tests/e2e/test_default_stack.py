"""The default stack, for real: keystone answers, tempest passes, and all of it goes away again.

Its packages come from the package index, or from uv's cache.
"""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from tests.conftest import CHECKOUT, MakeStackDir, StackDir, user_caches

pytestmark = pytest.mark.timeout(900)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


SECTIONS = """\
[[post-config|/etc/keystone/keystone.conf]]
[token]
expiration = 600
[[test-config|$TEMPEST_CONFIG]]
[compute]
min_compute_nodes = 3
"""


@pytest.fixture
def default(stack_dir: MakeStackDir, tmp_path: Path) -> Iterator[StackDir]:
    """A stack directory with the default services, on a port of its own."""
    home = tmp_path / "home"
    home.mkdir()
    made = stack_dir(
        {
            "extras.d/80-tempest.py": (CHECKOUT / "extras.d" / "80-tempest.py").read_text(),
            "local.conf": f"[[local|localrc]]\nKEYSTONE_SERVICE_PORT={free_port()}\n{SECTIONS}",
        },
        services="key,tempest",
        HOME=str(home),
        **user_caches(),
    )
    yield made
    made.run("clean")


def openstack(directory: StackDir, cloud: str, *words: str) -> str:
    env = {"OS_CLIENT_CONFIG_FILE": str(directory.dest / "clouds.yaml"), "HOME": "/nonexistent"}
    command = [str(directory.dest / "bin" / "openstack"), "--os-cloud", cloud, *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def processes_of(directory: StackDir) -> list[str]:
    """Return the processes that stand on the stack's files."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if any(str(directory.dest) in word for word in words):
            found.append(" ".join(words))
    return found


def supervisord_of(directory: StackDir) -> int:
    return int((directory.dest / "supervisor" / "supervisord.pid").read_text())


def snapshot(directory: StackDir) -> dict[str, int]:
    """Return what would change if something were installed or started again."""
    files = ("data/keystone/keystone.db", "venvs/keystone/bin/python", "venvs/tempest/bin/python")
    made = {name: (directory.dest / name).lstat().st_ino for name in files}
    return {**made, "supervisord": supervisord_of(directory)}


def test_default_stack_from_nothing_to_nothing(default: StackDir) -> None:
    first = default.run("stack", timeout=800).ok()
    assert "WARNING: uncollected" not in first.out
    lines = (default.dest / "passwords").read_text().splitlines()
    password = dict(line.split("=", 1) for line in lines)["ADMIN_PASSWORD"]
    check_secrecy(default, first.out, password)
    check_cloud(default)

    before = snapshot(default)
    default.run("stack", timeout=60).ok()
    assert snapshot(default) == before

    used = (default.dest / "data/tempest/workspace/etc/tempest.conf").read_text()
    assert "min_compute_nodes = 3" in used
    default.run("tempest", timeout=400).ok()
    check_healing(default)
    check_teardown(default)


def check_secrecy(default: StackDir, out: str, password: str) -> None:
    assert len(password) == 32
    assert password not in out
    for path in (default.dest / "logs").rglob("*"):
        assert path.is_dir() or password.encode() not in path.read_bytes(), path
    for path in (default.dest / "async").glob("*"):
        assert password.encode() not in path.read_bytes(), path
    for name in ("passwords", "clouds.yaml", "openrc"):
        assert (default.dest / name).stat().st_mode & 0o077 == 0
    assert list(Path(default.environ["HOME"]).iterdir()) == []


def check_cloud(default: StackDir) -> None:
    listed = openstack(default, "devstack-admin", "project", "list", "-f", "value", "-c", "Name")
    projects = {"admin", "service", "demo", "alt_demo", "invisible_to_admin"}
    assert set(listed.split()) == projects
    grants = openstack(
        *(default, "devstack-system-reader", "role", "assignment", "list"),
        *("--names", "-f", "value", "-c", "Role", "-c", "User", "-c", "Group", "-c", "Project"),
    )
    assert "member demo@Default  demo@Default" in grants
    assert "admin  admins@Default admin@Default" in grants
    issued = openstack(default, "devstack", "token", "issue", "-f", "value", "-c", "expires")
    lifetime = datetime.fromisoformat(issued) - datetime.now(UTC)
    assert timedelta(seconds=0) < lifetime <= timedelta(seconds=600)


def check_healing(default: StackDir) -> None:
    """What a crash or a user's hand took away is there again after the next run."""
    os.kill(supervisord_of(default), signal.SIGKILL)
    default.run("stack", timeout=120).ok()
    assert openstack(default, "devstack", "token", "issue", "-f", "value", "-c", "id")
    (default.dest / "data" / "keystone" / "keystone.db").unlink()
    default.run("stack", timeout=200).ok()
    check_cloud(default)


def check_teardown(default: StackDir) -> None:
    default.run("unstack").ok()
    assert processes_of(default) == []
    default.run("clean").ok()
    assert not default.dest.exists()


def test_a_taken_port_is_found_before_anything_is_installed(default: StackDir) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        outcome = default.run("stack", KEYSTONE_SERVICE_PORT=port)
    assert outcome.code in (1, 2)
    assert f"port {port} is taken by" in outcome.out
    assert f"process {os.getpid()}" in outcome.out
    assert not (default.dest / "venvs").exists()


def test_no_such_version_is_one_clear_error(default: StackDir) -> None:
    constraints = default.path / "upper-constraints.txt"
    shutil.copy(CHECKOUT / "plugins" / "doitstack_plugins" / "constraints.txt", constraints)
    constraints.write_text(constraints.read_text().replace("keystone==30.0.0", "keystone==999"))
    outcome = default.run("stack", UPPER_CONSTRAINTS_FILE="upper-constraints.txt", timeout=200)
    outcome.failed(1)
    assert "cannot install keystone" in outcome.out
    assert "Traceback" not in outcome.out
