"""A real cloud: a guest boots, is logged in to and has a volume, by the last screen's commands.

The traffic of guests stays in the network namespace of the stack. They need root, and apt or
Debian's packages.
"""

import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from tests.conftest import MakeStackDir, StackDir, stack_dirs
from tests.e2e.consoles import Console
from tests.e2e.private_host import private_host, system_configuration
from tests.e2e.samples import (
    check_stopped,
    make_sample,
    needs_packages,
    openstack,
    processes,
)
from tests.namespaces import what_guests_lack

pytestmark = [
    needs_packages,
    pytest.mark.full,
    pytest.mark.timeout(2400),
]

SMALL = """
PUBLIC_NETWORK_ON_HOST=False
VOLUME_BACKING_FILE_SIZE=4G
disable_service tempest horizon c-bak
"""
WRITE = "mke2fs /dev/vdb && mount /dev/vdb /mnt && echo kept > /mnt/file && umount /mnt"
READ = "mount /dev/vdb /mnt && cat /mnt/file && umount /mnt"

PATIENCE = 600
"""Seconds for what takes some on an idle machine: a busy one without KVM needs minutes."""

LAST_LINES = 40
"""How many lines of a log are shown if something fails."""

PROGRAMS = ("qemu-system-x86_64", "libvirtd", "ovn-northd", "ovn-controller", "haproxy", "mformat")
"""Programs of the packages that a cloud installs."""


class Booted(NamedTuple):
    """A cloud with a guest, and the command that logs in to it."""

    cloud: StackDir
    login: str


@pytest.fixture(scope="module", autouse=True)
def guests_can_run() -> None:
    if refusal := what_guests_lack():
        pytest.skip(f"guests cannot run here: {refusal}")


@pytest.fixture
def cloud(stack_dir: MakeStackDir, tmp_path: Path) -> Iterator[StackDir]:
    directory = make_sample(stack_dir, "cloud", tmp_path / "home", SMALL)
    yield directory
    directory.run("clean", timeout=300)


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    """A cloud with a guest, which goes with it."""
    with stack_dirs(tmp_path_factory.mktemp("cloud")) as make:
        cloud = make_sample(make, "cloud", tmp_path_factory.mktemp("home"), SMALL)
        create, add_address, login = commands(cloud.run("stack", timeout=1500).ok().lines)
        with logs_on_failure(cloud):
            run(f"{create} && {add_address}")  # in one shell, as a user would
            until(lambda: succeeds(f"{login} true"), "a login")
        yield Booted(cloud, login)
        check_stopped(cloud)
        assert guests(cloud) == []
        assert loop_devices(cloud) == []
        cloud.run("clean", timeout=300).ok()


def test_a_guest_boots_is_logged_in_to_and_keeps_its_volume(booted: Booted) -> None:
    cloud, login = booted
    assert run(f"{login} hostname") == "first"

    with logs_on_failure(cloud):
        openstack(cloud, "devstack", "volume", "create", "--size", "1", "data")
        until(lambda: status(cloud, "data") == "available", "the volume")
        openstack(cloud, "devstack", "server", "add", "volume", "first", "data")
        until(lambda: succeeds(f"{login} test -b /dev/vdb"), "the disk in the guest")
        run(f"{login} {shlex.quote(WRITE)}")
        assert run(f"{login} {shlex.quote(READ)}") == "kept"
        openstack(cloud, "devstack", "server", "remove", "volume", "first", "data")
        until(lambda: not succeeds(f"{login} test -b /dev/vdb"), "the end of the disk")


def test_consoles_are_reached_by_vnc_and_as_text(booted: Booted) -> None:
    for option, text in (("--novnc", b"RFB 003.008"), ("--serial", b"login:")):
        words = ("console", "url", "show", option, "first", "-f", "value", "-c", "url")
        console = Console(openstack(booted.cloud, "devstack", *words))
        console.wait_for(text)
        console.close()


def test_a_second_stack_leaves_the_guest_and_the_services_alone(booted: Booted) -> None:
    cloud, login = booted
    guest, started = guests(cloud), processes(cloud)
    cloud.run("stack", timeout=300).ok()
    assert (guests(cloud), processes(cloud)) == (guest, started)
    assert run(f"{login} hostname") == "first"


def test_a_restarted_compute_knows_the_consoles_of_guests_that_run(booted: Booted) -> None:
    cloud, login = booted
    cloud.run("restart", "n-cpu-1", timeout=300).ok()
    # A compute that has not reported for a minute gets no server.
    before = last_report(cloud)
    until(lambda: last_report(cloud) != before, "a report of the compute")
    options = ("--image", "debian-tiny", "--flavor", "m1.nano", "--network", "private")
    openstack(cloud, "devstack", "server", "create", *options, "--wait", "second")
    assert len(guests(cloud)) == 2
    openstack(cloud, "devstack", "server", "delete", "--wait", "second")
    assert run(f"{login} hostname") == "first"


def test_nothing_is_left_of_a_cloud_whose_processes_were_killed(cloud: StackDir) -> None:
    with private_host(network=False) as host:
        host.take(cloud)
        if not all(shutil.which(name) for name in PROGRAMS):
            # Packages add files to the system.
            cloud.run("stack", timeout=1500).ok()
            check_stopped(cloud)
        before = host.state(), system_configuration()
        first = cloud.run("stack", timeout=1500).ok()
        run(commands(first.lines)[0])
        assert len(guests(cloud)) == 1
        # The whole stack, and the next run in the middle of its repair; the guest goes on.
        for pid, _ in processes(cloud).values():
            os.kill(pid, signal.SIGKILL)
        with cloud.start("stack") as process:
            assert process.stdout
            said = []
            for line in process.stdout:
                said.append(line)
                if "async_run start_nova" in line:
                    break
            assert "async_run start_nova" in said[-1], "".join(said[-LAST_LINES:])
            os.killpg(process.pid, signal.SIGKILL)
        check_stopped(cloud)
        assert guests(cloud) == []
        assert loop_devices(cloud) == []
        assert (host.state(), system_configuration()) == before


def commands(lines: list[str]) -> list[str]:
    """Return the commands of the last screen that boot a server and log in to it."""
    start = lines.index("boot a server and log in to it:") + 1
    return [line.strip() for line in lines[start : start + 3]]


def run(command: str) -> str:
    """Run a command as a user would, in a shell of its own, and return what it prints."""
    done = shell(command)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def succeeds(command: str) -> bool:
    return shell(command).returncode == 0


def shell(command: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    return subprocess.run(
        ["bash", "-c", command],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=600,
    )


@contextmanager
def logs_on_failure(cloud: StackDir) -> Iterator[None]:
    """Show the ends of the logs of services and guests if the block fails."""
    try:
        yield
    except BaseException as error:
        logs = [*(cloud.dest / "logs").glob("*.log"), *cloud.dest.glob("data/nova/**/console.log")]
        for path in sorted(logs):
            lines = path.read_text(errors="replace").splitlines()[-LAST_LINES:]
            error.add_note("\n".join((f"--- {path}", *lines)))
        raise


def until(is_so: Callable[[], bool], what: str) -> None:
    """Wait for something that the cloud does by itself."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, f"{what} does not come"
        time.sleep(0.5)


def status(cloud: StackDir, volume: str) -> str:
    return openstack(cloud, "devstack", "volume", "show", volume, "-f", "value", "-c", "status")


def last_report(cloud: StackDir) -> str:
    """Return when the compute has last reported that it works."""
    words = ("--service", "nova-compute", "-f", "value", "-c", "Updated At")
    return openstack(cloud, "devstack-admin", "compute", "service", "list", *words)


def guests(cloud: StackDir) -> list[int]:
    """Return the processes of the stack's guests."""
    place = str(cloud.dest)
    found = psutil.process_iter(["name", "cmdline"])
    return sorted(
        process.pid
        for process in found
        if process.info["name"].startswith("qemu-system")
        and any(place in word for word in process.info["cmdline"] or ())
    )


def loop_devices(cloud: StackDir) -> list[str]:
    """Return the files of the stack that are behind loop devices."""
    files = (path.read_text() for path in Path("/sys/block").glob("loop*/loop/backing_file"))
    return sorted(name for name in files if name.startswith(f"{cloud.dest}/"))
