"""The default stack, for real: keystone answers, tempest passes, and all of it goes away again.

In between a neighbour with plugins of others comes and goes. The packages come from the package
index, or from uv's cache.
"""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, MakeStackDir, Outcome, StackDir, stack_dirs
from tests.e2e.almanac import check_plugins, make_almanac
from tests.e2e.samples import (
    check_ports,
    check_stopped,
    check_told,
    make_sample,
    openstack,
    passwords,
    processes,
    processes_of,
)

pytestmark = [
    pytest.mark.timeout(1800),
    # The SDK warns about its own classes.
    pytest.mark.filterwarnings("ignore::openstack.warnings.RemovedInSDK50Warning"),
    pytest.mark.filterwarnings("ignore::openstack.warnings.RemovedInSDK60Warning"),
]

LISTENING = {"keystone": "KEYSTONE_SERVICE_PORT"}
SECTIONS = """\
[[post-config|/etc/keystone/keystone.conf]]
[token]
expiration = 600
[[test-config|$TEMPEST_CONFIG]]
[compute]
min_compute_nodes = 3
"""
EARLY = """\
[[ "$2" != post-config ]] || iniset $TEMPEST_CONFIG compute build_timeout 77
"""
"""A script that configures Tempest before `configure_tempest` does."""

READ = "from tempest.config import CONF; print(CONF.compute.build_timeout)"


@dataclass(frozen=True)
class Stacked:
    """A stack directory, and how its first run ended."""

    stack: StackDir
    first: Outcome


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stacked]:
    """The default stack, with its own HOME."""
    top = tmp_path_factory.mktemp("default")
    with stack_dirs(top) as make:
        stack = make_sample(make, "identity", top / "home", SECTIONS)
        (stack.path / "extras.d" / "50-early.sh").write_text(EARLY)
        yield Stacked(stack, stack.run("stack", timeout=1500).ok())
        stack.run("clean")


@pytest.fixture
def almanac(stack_dir: MakeStackDir, tmp_path: Path) -> Iterator[StackDir]:
    """A stack directory with plugins of others."""
    made = make_almanac(stack_dir, tmp_path)
    yield made
    made.run("clean")


def supervisord_of(stack: StackDir) -> int:
    return int((stack.dest / "supervisor" / "supervisord.pid").read_text())


def snapshot(stack: StackDir) -> dict[str, int]:
    """Return what would change if something were installed or started again."""
    files = ("data/keystone/keystone.db", "venvs/keystone/bin/python", "venvs/tempest/bin/python")
    made = {name: (stack.dest / name).lstat().st_ino for name in files}
    return {**made, "supervisord": supervisord_of(stack)}


def test_stack_uses_the_configured_ports(default: Stacked) -> None:
    assert "WARNING: uncollected" not in default.first.out
    check_told(default.stack, default.first.out, "key")
    check_ports(default.stack, LISTENING)
    check_cloud(default.stack)


def check_cloud(stack: StackDir) -> None:
    listed = openstack(stack, "devstack-admin", "project", "list", "-f", "value", "-c", "Name")
    projects = {"admin", "service", "demo", "alt_demo", "invisible_to_admin"}
    assert set(listed.split()) == projects
    grants = openstack(
        *(stack, "devstack-system-reader", "role", "assignment", "list"),
        *("--names", "-f", "value", "-c", "Role", "-c", "User", "-c", "Group", "-c", "Project"),
    )
    assert "member demo@Default  demo@Default" in grants
    assert "admin  admins@Default admin@Default" in grants
    issued = openstack(stack, "devstack", "token", "issue", "-f", "value", "-c", "expires")
    lifetime = datetime.fromisoformat(issued) - datetime.now(UTC)
    assert timedelta(seconds=0) < lifetime <= timedelta(seconds=600)


def test_role_takes_what_it_implies_with_it(default: Stacked) -> None:
    as_admin = partial(openstack, default.stack, "devstack-admin")
    for words in ("role create cook", "role create baker", "role delete baker", "role delete cook"):
        as_admin(*words.split())
        if words == "role create baker":
            as_admin("implied", "role", "create", "cook", "--implied-role", "baker")
    assert "cook" not in as_admin("implied", "role", "list")


def test_password_is_not_shown(default: Stacked) -> None:
    dest, password = default.stack.dest, passwords(default.stack)["ADMIN_PASSWORD"]
    assert len(password) == 32
    assert password not in default.first.out
    for path in (dest / "logs").rglob("*"):
        assert path.is_dir() or password.encode() not in path.read_bytes(), path
    for path in (dest / "async").glob("*"):
        assert password.encode() not in path.read_bytes(), path
    for name in ("passwords", "clouds.yaml", "openrc"):
        assert (dest / name).stat().st_mode & 0o077 == 0
    assert list(Path(default.stack.environ["HOME"]).iterdir()) == []


def test_again_changes_nothing(default: Stacked) -> None:
    before = snapshot(default.stack)
    default.stack.run("stack", timeout=300).ok()
    assert snapshot(default.stack) == before


def test_tempest_passes_as_it_is_configured(default: Stacked) -> None:
    used = default.stack.dest / "data" / "tempest" / "etc" / "tempest.conf"
    assert "min_compute_nodes = 3" in used.read_text()
    python = default.stack.dest / "venvs" / "tempest" / "bin" / "python"
    env = {**default.stack.environ, "TEMPEST_CONFIG_DIR": str(used.parent)}
    assert subprocess.check_output([python, "-c", READ], env=env, text=True) == "77\n"
    default.stack.run("tempest", timeout=1500).ok()


def test_neighbour_with_plugins_from_a_git_url_to_nothing(
    default: Stacked, almanac: StackDir
) -> None:
    before = processes(default.stack)["keystone"]
    outcome = almanac.run("stack", timeout=500).ok()
    assert "Starting the almanac" in outcome.lines
    assert "computing the days" in outcome.lines, "the log of the future, where it was collected"
    assert {"catalog: almanac", "openrc: admin"} <= set(outcome.lines)
    assert not [line for line in outcome.lines if line.startswith("WARNING")]
    check_plugins(almanac)
    check_files_of_plugins(almanac)
    assert "serve.py" in str(processes_of(almanac))

    (almanac.dest / "data" / "almanac" / "days.txt").unlink()
    again = almanac.run("stack", timeout=200).ok()
    for name in ("install_tides", "init_tides", "create_tides_accounts"):
        assert [one for one in again.lines if f"tides: {name} (up to date)" in one], name
    check_plugins(almanac)

    check_ports(default.stack, LISTENING)
    check_stopped(almanac)
    assert (almanac.dest / "etc" / "almanac").exists()
    almanac.run("clean").ok()
    left = {path.name for path in almanac.dest.iterdir()}
    assert left == {"almanac", "keystone"}, "the clones are the user's"
    check_ports(default.stack, LISTENING)
    assert processes(default.stack)["keystone"] == before


def check_files_of_plugins(almanac: StackDir) -> None:
    conf = (almanac.dest / "etc" / "almanac" / "almanac.conf").read_text()
    assert "first = monday of RegionOne\n" in conf
    assert "[keystone_authtoken]" in conf
    assert f"connection = sqlite:///{almanac.dest}/data/almanac/almanac.db\n" in conf


def test_what_a_crash_or_a_hand_took_away_is_there_again(default: Stacked) -> None:
    os.kill(supervisord_of(default.stack), signal.SIGKILL)
    (default.stack.dest / "data" / "keystone" / "keystone.db").unlink()
    default.stack.run("stack", timeout=200).ok()
    check_cloud(default.stack)


def test_nothing_is_left(default: Stacked) -> None:
    check_stopped(default.stack)
    default.stack.run("clean").ok()
    assert not default.stack.dest.exists()


@pytest.fixture
def unstacked(stack_dir: MakeStackDir, tmp_path: Path) -> StackDir:
    """A stack directory with the default services, on other ports."""
    return make_sample(stack_dir, "identity", tmp_path / "home")


def test_a_taken_port_is_found_before_anything_is_installed(unstacked: StackDir) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        outcome = unstacked.run("stack", KEYSTONE_SERVICE_PORT=port)
    assert outcome.code in (1, 2)
    assert f"port {port} is taken by" in outcome.out
    assert f"process {os.getpid()}" in outcome.out
    assert not (unstacked.dest / "venvs").exists()


def test_no_such_version_is_one_clear_error(unstacked: StackDir) -> None:
    constraints = unstacked.path / "upper-constraints.txt"
    shutil.copy(CHECKOUT / "plugins" / "doitstack_plugins" / "constraints.txt", constraints)
    constraints.write_text(constraints.read_text().replace("keystone==30.0.0", "keystone==999"))
    outcome = unstacked.run("stack", UPPER_CONSTRAINTS_FILE="upper-constraints.txt", timeout=200)
    outcome.failed(1)
    assert "cannot install keystone" in outcome.out
    assert "Traceback" not in outcome.out
