"""Volume groups, made, used and removed by our own functions, in a guest that has device mapper.

`test_lvm.py` runs these tests in the guest.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from doitstack.errors import CommandError, DoitstackError, StepError
from doitstack.processes.program import Program, run_in_future
from doitstack.stack import Stack
from doitstack_plugins.cinder.plugin import plugin as cinder
from doitstack_plugins.lvm import device_mapper, needs, volume_groups
from tests.unit.recorded_actions import RecordedActions, make_stack

GIB = 2**30
GROUP = "stack-volumes-lvmdriver-1"


@pytest.fixture(scope="module", autouse=True)
def before() -> Iterator[list[str]]:
    """Nothing of the system changes by all of it."""
    state = system()
    yield state
    assert system() == state


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    stack = make(tmp_path)
    with stack.acting(RecordedActions(run_in_future)):
        yield stack
        volume_groups.remove(stack)


def make(top_dir: Path, **environ: str) -> Stack:
    stack = make_stack(
        top_dir,
        ENABLED_SERVICES="c-api,c-vol,n-cpu",
        VIRT_DRIVER="libvirt",
        MYSQL_PORT="1",
        **environ,
    )
    cinder.source(stack.settings)
    stack.data_dir.mkdir(parents=True)
    return stack


def system() -> list[str]:
    """Return the files of the system's LVM, and what is in use of the kernel's devices."""
    words = ["find", "/etc/lvm", "/run/lvm", "/run/lock", "/dev", "-not", "-name", "dm-*"]
    found = subprocess.run(words, capture_output=True, text=True, check=False).stdout.split("\n")
    used = [str(path) for path in Path("/sys/block").glob("*/loop/backing_file")]
    mapped = [path.read_text() for path in Path("/sys/block").glob("*/dm/name")]
    pseudo = ("/dev/loop", "/dev/mapper", "/dev/pts")
    return sorted(line for line in found if not line.startswith(pseudo)) + used + mapped


def lvm(stack: Stack, *words: str) -> str:
    return stack.output_of(["/sbin/lvm", *words], env=volume_groups.environ(stack)).strip()


def create(stack: Stack, name: str) -> Path:
    lvm(stack, "lvcreate", "--yes", "--size", "100m", "--name", name, GROUP)
    return Path("/dev", GROUP, name)


def write(device: Path, text: bytes) -> None:
    with device.open("r+b") as disk:
        disk.write(text)
        os.fsync(disk)


def read(device: Path, size: int) -> bytes:
    with device.open("rb") as disk:
        return disk.read(size)


def test_lvm_is_chosen_where_there_is_device_mapper(tmp_path: Path) -> None:
    assert device_mapper.lack() == ""
    assert device_mapper.has_target("thin-pool")
    assert not device_mapper.has_target("no-such-target")
    stack = make(tmp_path)
    assert stack.settings["CINDER_ENABLED_BACKENDS"] == "lvm:lvmdriver-1"
    for check in needs.CHECKS:
        check(stack)


def test_volumes_stay_when_their_group_is_released(stack: Stack) -> None:
    volume_groups.prepare(stack, GIB)
    write(create(stack, "a-b"), b"kept")
    volume_groups.release(stack)
    assert volume_groups.devices(stack) == {}
    assert volume_groups.mapped(stack) == set()
    assert not Path("/dev", GROUP).exists()
    volume_groups.prepare(stack, GIB)
    volume_groups.prepare(stack, GIB)
    assert read(Path("/dev", GROUP, "a-b"), 4) == b"kept"
    assert len(volume_groups.devices(stack)) == 1


@pytest.mark.parametrize("last", ["losetup", "vgcreate", "vgchange"])
def test_a_killed_run_is_completed_or_removed(stack: Stack, last: str) -> None:
    def killed_before(program: Program) -> None:
        if last in program.argv[:2]:
            os.kill(os.getpid(), signal.SIGKILL)
        run_in_future(program)

    for remedy in (volume_groups.prepare, None):
        if not (pid := os.fork()):
            with stack.acting(RecordedActions(killed_before)):
                volume_groups.prepare(stack, GIB)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) in (-signal.SIGKILL, 0)
        if remedy:
            remedy(stack, GIB)
            assert lvm(stack, "vgs", "--noheadings", "--options", "vg_name") == GROUP
        volume_groups.remove(stack)
        assert volume_groups.devices(stack) == {}
        assert not volume_groups.root(stack).exists()


def test_a_volume_in_use_is_named_and_stays(stack: Stack) -> None:
    volume_groups.prepare(stack, GIB)
    device = create(stack, "busy")
    with device.open("rb"), pytest.raises(StepError, match=r"in use: .*--1-busy in /dev/mapper"):
        volume_groups.release(stack)
    assert device.exists()


def test_what_a_removed_directory_has_left_is_freed(stack: Stack) -> None:
    volume_groups.prepare(stack, GIB)
    create(stack, "old")
    volume_groups.backing_file(stack.data_dir, GROUP).unlink()
    volume_groups.prepare(stack, GIB)
    assert lvm(stack, "lvs", "--noheadings") == ""
    assert len(volume_groups.devices(stack)) == 1


def test_a_full_file_system_is_an_error_that_leaves_nothing(
    stack: Stack, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    place = volume_groups.root(stack)
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "full", place], check=True)
    try:
        with pytest.raises(DoitstackError):
            volume_groups.prepare(stack, GIB)
        volume_groups.release(stack)
        assert volume_groups.devices(stack) == {}
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_group_of_the_user_is_left_alone(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "users"
    with file.open("wb") as content:
        content.truncate(GIB)
    words = ["losetup", "--find", "--show", file]
    device = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    environ = {**os.environ, **without_udev(tmp_path)}
    try:
        for command in (["vgcreate", GROUP, device], ["lvcreate", "-L4m", "-nmine", GROUP]):
            subprocess.run(command, check=True, env=environ)
            with pytest.raises(DoitstackError, match=f"volume group {GROUP} already"):
                needs.check_names(stack)
        other = make(tmp_path / "other", VOLUME_GROUP_NAME="stack-volumes-lvmdriver")
        needs.check_names(other)
        with pytest.raises(CommandError):
            volume_groups.prepare(stack, GIB)
        volume_groups.remove(stack)
        assert Path("/dev", GROUP, "mine").exists()
    finally:
        subprocess.run(["vgremove", "--force", GROUP], check=True, env=environ)
        subprocess.run(["losetup", "--detach", device], check=True)


def without_udev(directory: Path) -> dict[str, str]:
    """Return the variables of a user's LVM in a guest that has no udev."""
    lines = ("activation {", "udev_sync=0", "udev_rules=0", "}")
    own = ("global {", f'locking_dir="{directory}"', "}", "")
    (directory / "lvm.conf").write_text("\n".join((*lines, *own)))
    return {"LVM_SYSTEM_DIR": str(directory)}
