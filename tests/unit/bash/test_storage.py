"""Volume groups and file systems in files; programs that need root are stand-ins."""

from pathlib import Path

import pytest

PROGRAMS = """
sudo() { echo "$*" >> called; case $1 in
    vgs) cat groups 2> /dev/null ;;
    vgcreate) echo "  $3" > groups ;;
    vgremove) rm groups ;;
    losetup) case $* in
        *--find*) echo /dev/loop7 | tee attached ;;
        *--detach*) rm attached ;;
        *) [[ ! -e attached ]] || cat attached ;;
    esac ;;
    rm | truncate | mkdir) "$@" ;;
esac; }
mountpoint() { [[ -e mounted ]]; }
"""


@pytest.fixture
def file(bash) -> Path:
    bash.env["DATA_DIR"] = str(bash.path / "data")
    return bash.path / "data" / "lvm" / "vg-thing-backing-file"


def called(bash, script: str) -> list[str]:
    """Return the calls of a script, without those that only look."""
    (bash.path / "called").write_text("")
    bash(f"{PROGRAMS}{script}")
    lines = (bash.path / "called").read_text().splitlines()
    return [line for line in lines if not line.startswith(("vgs", "losetup --noheadings"))]


def test_volume_group_is_made_once_and_emptied(bash, file: Path) -> None:
    make = "init_lvm_volume_group vg-thing 20M"
    assert called(bash, make) == [
        f"losetup --find --show {file}",
        "vgcreate vg-thing /dev/loop7",
        "lvremove -f vg-thing",
    ]
    assert file.stat().st_size == 20 << 20
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert called(bash, make) == ["lvremove -f vg-thing"]


def test_volume_group_is_removed_with_its_device_and_file(bash, file: Path) -> None:
    called(bash, "init_lvm_volume_group vg-thing 20M")
    remove = "clean_lvm_volume_group vg-thing"
    assert called(bash, remove) == ["vgremove -f vg-thing", "losetup --detach /dev/loop7"]
    assert not file.exists()
    assert called(bash, remove) == []


def test_volume_group_of_another_keeps_its_volumes(bash, file: Path) -> None:
    (bash.path / "groups").write_text("  /dev/sdb\n")
    for call in ("init_lvm_volume_group vg-thing 20M", "clean_lvm_volume_group vg-thing"):
        failed = bash(f"{PROGRAMS}{call}", code=1)
        assert "volume group vg-thing is not the stack's, and would lose its volumes" in failed.err
        assert "remove" not in (bash.path / "called").read_text()
    assert not file.exists()


def test_disk_is_mounted_anew(bash) -> None:
    disk, place = f"{bash.path}/disks/one", f"{bash.path}/mounted"
    made = [
        f"rm -f {disk}",
        f"mkdir -p {bash.path}/disks {place}",
        f"truncate -s 1G {disk}",
        f"mkfs.xfs -f -i size=1024 {disk}",
        f"mount -v -t xfs -o loop,noatime,nodiratime,logbufs=8 {disk} {place}",
    ]
    assert called(bash, f"create_disk {disk} {place} 1G") == made
    assert called(bash, f"create_disk {disk} {place} 1G") == [f"umount {place}", *made]
    assert called(bash, f"destroy_disk {disk} {place}") == [f"umount {place}", f"rm -f {disk}"]
    assert not Path(disk).exists()
