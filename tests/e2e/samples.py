"""The files of samples/, stacked with other ports, so that stacks can run at the same time."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.conftest import CHECKOUT, MakeStackDir, Outcome, StackDir, user_caches
from tests.ports import free_port
from tests.service_processes import service_processes

PORTS = (
    *("KEYSTONE_SERVICE_PORT", "GLANCE_SERVICE_PORT", "PLACEMENT_SERVICE_PORT"),
    *("NEUTRON_SERVICE_PORT", "NOVA_SERVICE_PORT", "METADATA_SERVICE_PORT"),
    *("CINDER_SERVICE_PORT", "SWIFT_SERVICE_PORT", "ACCOUNT_PORT_BASE", "CONTAINER_PORT_BASE"),
    *("OBJECT_PORT_BASE", "HORIZON_SERVICE_PORT", "DATABASE_PORT", "MEMCACHED_PORT"),
    *("NOVNCPROXY_PORT", "SERIALPROXY_PORT", "ETCD_PORT", "ETCD_PEER_PORT"),
    *("RABBIT_PORT", "RABBIT_DIST_PORT", "RABBIT_EPMD_PORT"),
)
"""Every port of a stack that can be set."""

ADDRESSES = {
    "key": "KEYSTONE_SERVICE_PORT",
    "g-api": "GLANCE_SERVICE_PORT",
    "placement-api": "PLACEMENT_SERVICE_PORT",
    "neutron": "NEUTRON_SERVICE_PORT",
    "n-api": "NOVA_SERVICE_PORT",
    "c-api": "CINDER_SERVICE_PORT",
    "s-proxy": "SWIFT_SERVICE_PORT",
    "horizon": "HORIZON_SERVICE_PORT",
}
"""The settings of the ports of services."""


_PROGRAMS = (
    *("/usr/sbin/mariadbd", "/usr/lib/rabbitmq/bin/rabbitmq-server", "/usr/bin/memcached"),
    *("/usr/bin/etcd", "/usr/share/doc/liberasurecode1"),
)


def has_packages() -> bool:
    """Return whether Debian's packages are there, or we may install them."""
    if not shutil.which("apt-get"):
        return False
    if os.geteuid() == 0 or all(Path(path).exists() for path in _PROGRAMS):
        return True
    return shutil.which("sudo") is not None and is_sudo_free()


def is_sudo_free() -> bool:
    """Return whether sudo needs no password."""
    return subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0


needs_packages = pytest.mark.skipif(
    not has_packages(),
    reason="needs MariaDB, RabbitMQ, memcached and etcd of Debian, or root for apt",
)


UP = ("starting", "running")
"""The states of a service that runs; supervisor has the first for a second."""


def free_ports() -> dict[str, str]:
    """Return a free port for each setting of PORTS."""
    ports: set[int] = set()
    while len(ports) < len(PORTS):
        ports.add(free_port())
    return dict(zip(PORTS, map(str, ports), strict=True))


def make_sample(make: MakeStackDir, sample: str, home: Path, more: str = "") -> StackDir:
    """Return a stack directory with a sample as its local.conf, and `more` at its end."""
    home.mkdir(exist_ok=True)
    tempest = CHECKOUT / "extras.d" / "80-tempest.py"
    directory = make(
        {
            "extras.d/80-tempest.py": tempest.read_text(),
            "local.conf": (CHECKOUT / "samples" / f"local.conf.{sample}").read_text() + more,
        },
        name=sample,
        HOME=str(home),
        **user_caches(),
        **free_ports(),
    )
    del directory.environ["ENABLED_SERVICES"]
    return directory


@contextmanager
def watched_commands() -> Iterator[set[bytes]]:
    """Collect the command lines of all processes that are seen meanwhile."""
    seen: set[bytes] = set()
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.05):
            seen.update(_command_lines())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()


def _command_lines() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes()
        except OSError:
            continue  # it has ended


def passwords(stack: StackDir) -> dict[str, str]:
    """Return the passwords that were made for the stack."""
    lines = (stack.dest / "passwords").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def check_secrecy(stack: StackDir, out: str, commands: set[bytes]) -> None:
    """No password is shown, logged or an argument; files that hold one are for their owner only."""
    secrets = {name: value.encode() for name, value in passwords(stack).items()}
    shown = [out.encode(), *commands]
    assert [name for name, value in secrets.items() if any(value in one for one in shown)] == []
    logs = [path for name in ("logs", "async") for path in (stack.dest / name).rglob("*")]
    for path in (path for path in logs if path.is_file()):
        text = path.read_bytes()
        assert [name for name, value in secrets.items() if value in text] == [], path
    for path in stack.dest.glob("data/*/**/*"):
        if path.is_file() and path.stat().st_mode & 0o077:
            text = path.read_bytes()
            assert [name for name, value in secrets.items() if value in text] == [], path


def check_told(stack: StackDir, out: str, *services: str) -> None:
    """The last lines show the addresses of the services."""
    for name in services:
        assert f"{name} is at http://127.0.0.1:{stack.environ[ADDRESSES[name]]}" in out
    assert f"{stack.dest}/passwords" in out


def processes(stack: StackDir) -> dict[str, tuple[int, set[str]]]:
    """Return the process and the ports of each service, as `doit services` lists them.

    The servers behind commands come and go with their use.
    """
    rows = (line.split() for line in stack.run("services").ok().lines[2:])
    running = (row for row in rows if row[1] in UP and not row[0].startswith("warm-"))
    return {row[0]: (int(row[2]), set(row[3:-1])) for row in running}


def processes_of(directory: StackDir) -> list[str]:
    """Return the processes that stand on the stack's files."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if any(str(directory.dest) in word for word in words):
            found.append(" ".join(words))
    return found


def openstack(directory: StackDir, cloud: str, *words: str) -> str:
    """Return the output of the stack's `openstack` command."""
    env = {"OS_CLIENT_CONFIG_FILE": str(directory.dest / "clouds.yaml"), "HOME": "/nonexistent"}
    command = [str(directory.dest / "bin" / "openstack"), "--os-cloud", cloud, *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def check_forks(stack: StackDir, *programs: str) -> None:
    """Check that no process that is to be a fork had to import all by itself."""
    for name in programs:
        log = (stack.dest / "logs" / f"warm-{name}.log").read_text()
        assert "ready" in log
        assert "left to the real command" not in log


def check_ports(stack: StackDir, expected: dict[str, str]) -> None:
    """Services listen on the configured ports; `expected` are the settings by service."""
    found = processes(stack)
    for name, setting in expected.items():
        assert stack.environ[setting] in found[name][1], (name, found[name])


def check_stopped(stack: StackDir) -> None:
    stack.run("unstack", timeout=300).ok()
    assert processes_of(stack) == []
    assert service_processes(stack.dest / "supervisor") == []
    assert processes(stack) == {}


def tempest_passes(stack: StackDir, *families: str, timeout: float = 1800) -> Outcome:
    """`doit tempest` passes, with tests of each family (`tempest.api.compute`) among what ran."""
    outcome = stack.run("tempest", timeout=timeout).ok()
    assert " - Failed: 0" in outcome.out
    for family in families:
        passed = [line for line in outcome.lines if family in line and line.endswith("... ok")]
        assert passed, family
    return outcome
