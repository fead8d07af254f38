"""Volume groups, with a kernel that is a directory. `tests/e2e/in_guest` has a real one."""

import os
from pathlib import Path

import pytest

from doitstack.errors import CommandError, StepError
from doitstack.processes.program import Program
from doitstack.stack import Stack
from doitstack_plugins.lvm import device_mapper, volume_groups
from tests.unit.plugins.cinder.test_backends import make
from tests.unit.recorded_actions import RecordedActions

GROUP = "stack-volumes-one"


class Kernel:
    """Loop devices and what is mapped on them, in a directory; and the groups that LVM knows."""

    def __init__(self, blocks: Path) -> None:
        self.blocks = blocks
        self.groups: list[str] = []
        self.asked: list[str] = []

    def attach(self, file: Path | str) -> Path:
        number = len(list(self.blocks.glob("loop*")))
        place = self.blocks / f"loop{number}"
        (place / "loop").mkdir(parents=True)
        (place / "loop/backing_file").write_text(f"{file}\n")
        return Path(f"/dev/loop{number}")

    def hold(self, device: str, number: int, name: str) -> None:
        (self.blocks / device / "holders" / f"dm-{number}").mkdir(parents=True)
        (self.blocks / f"dm-{number}" / "dm").mkdir(parents=True)
        (self.blocks / f"dm-{number}" / "dm/name").write_text(f"{name}\n")

    def output_of(self, argv: list[str], **_: object) -> str:
        if argv[0] == "/sbin/losetup":
            return f"{self.attach(os.path.realpath(argv[-1]))}\n"
        return "\n".join(self.groups)


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel(tmp_path / "block")
    monkeypatch.setattr(volume_groups, "_BLOCKS", kernel.blocks)
    monkeypatch.setattr(device_mapper, "lack", lambda: "")
    return kernel


def make_lvm(top_dir: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setattr(Stack, "output_of", lambda _, argv, **__: kernel.output_of(argv))
    stack = make(top_dir, CINDER_ENABLED_BACKENDS="lvm:one,nfs:two")
    stack.data_dir.mkdir(parents=True)
    return stack


def words(stage: RecordedActions) -> list[str]:
    return [" ".join(map(str, program.argv)) for program in stage.programs]


def test_a_group_is_made_on_a_file_and_activated(
    tmp_path: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_lvm(tmp_path, kernel, monkeypatch)
    with stack.acting(stage := RecordedActions(lambda _: None)):
        volume_groups.prepare(stack, 3 * 2**20)
    file = volume_groups.backing_file(stack.data_dir, GROUP)
    assert (file.stat().st_size, file.stat().st_mode & 0o777) == (3 * 2**20, 0o600)
    assert words(stage) == [
        f"/sbin/lvm vgcreate --yes {GROUP} /dev/loop0",
        f"/sbin/lvm vgchange --activate y {GROUP}",
    ]
    for program in stage.programs:
        assert program.env == {"LVM_SYSTEM_DIR": str(file.parent)}
    text = (file.parent / "lvm.conf").read_text()
    assert 'global_filter = [ "a|^/dev/loop0$|", "r|.*|" ]' in text
    assert f'locking_dir = "{file.parent}/locks"' in text


def test_a_group_that_is_there_is_activated_alone(
    tmp_path: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_lvm(tmp_path, kernel, monkeypatch)
    file = volume_groups.backing_file(stack.data_dir, GROUP)
    file.parent.mkdir()
    file.write_bytes(b"content")
    kernel.groups = [GROUP]
    with stack.acting(stage := RecordedActions(lambda _: None)):
        volume_groups.prepare(stack, 3 * 2**20)
    assert words(stage) == [f"/sbin/lvm vgchange --activate y {GROUP}"]
    assert file.read_bytes() == b"content"


def test_a_kernel_that_has_lost_device_mapper_is_told(
    tmp_path: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_lvm(tmp_path, kernel, monkeypatch)
    monkeypatch.setattr(device_mapper, "lack", lambda: "there is none")
    with pytest.raises(StepError, match="need device mapper: there is none"):
        volume_groups.prepare(stack, 3 * 2**20)
    assert not volume_groups.root(stack).exists()


def test_devices_of_others_are_not_the_stacks(
    tmp_path: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_lvm(tmp_path, kernel, monkeypatch)
    root = os.path.realpath(volume_groups.root(stack))
    for file in ("/home/disk", f"{root}-not/file", f"{root}/a", f"{root}/b (deleted)"):
        kernel.attach(file)
    assert list(volume_groups.devices(stack).values()) == [f"{root}/a", f"{root}/b (deleted)"]
    kernel.hold("loop0", 0, "users")
    kernel.hold("loop2", 1, "ours_tdata")
    kernel.hold("dm-1", 2, "ours-pool")
    assert volume_groups.mapped(stack) == {"ours_tdata", "ours-pool"}


def test_groups_are_deactivated_before_their_devices_are_freed(
    tmp_path: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_lvm(tmp_path, kernel, monkeypatch)
    device = kernel.attach(f"{os.path.realpath(volume_groups.root(stack))}/a")
    detach = f"/sbin/losetup --detach {device}"
    with stack.acting(stage := RecordedActions(lambda _: None)):
        volume_groups.release(stack)
        assert words(stage) == [detach]
        kernel.hold("loop0", 0, "ours")
        volume_groups.release(stack)
    assert words(stage)[1:] == ["/sbin/lvm vgchange --activate n", detach]


def test_group_that_a_user_has_made_with_sudo_is_released_with_it(
    tmp_path: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_lvm(tmp_path, kernel, monkeypatch)
    monkeypatch.setattr(volume_groups, "root_command", lambda: ["sudo", "-n"])
    kernel.attach(f"{os.path.realpath(volume_groups.root(stack))}/vg-thing-backing-file")
    kernel.hold("loop0", 0, "thing")
    with stack.acting(stage := RecordedActions(lambda _: None)):
        volume_groups.release(stack)
    sudo = f"sudo -n env LVM_SYSTEM_DIR={volume_groups.root(stack)}"
    assert words(stage) == [
        f"{sudo} /sbin/lvm vgchange --activate n",
        f"{sudo} /sbin/losetup --detach /dev/loop0",
    ]


def test_volumes_in_use_are_named(
    tmp_path: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_lvm(tmp_path, kernel, monkeypatch)
    kernel.attach(f"{os.path.realpath(volume_groups.root(stack))}/a")
    kernel.hold("loop0", 0, "ours")

    def play(program: Program) -> None:
        raise CommandError("lvm ended with code 5", 5)

    with (
        stack.acting(stage := RecordedActions(play)),
        pytest.raises(StepError, match="in use: ours in /dev/mapper; unmount them"),
    ):
        volume_groups.remove(stack)
    assert words(stage) == ["/sbin/lvm vgchange --activate n"]


def test_what_a_removed_directory_has_left_is_freed_first(
    tmp_path: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_lvm(tmp_path, kernel, monkeypatch)
    kernel.attach(f"{os.path.realpath(volume_groups.root(stack))}/old (deleted)")
    with stack.acting(stage := RecordedActions(lambda _: None)):
        volume_groups.prepare(stack, 3 * 2**20)
    assert words(stage)[0] == "/sbin/losetup --detach /dev/loop0"
