"""Archives of the guest's files; tests/integration unpacks one by cpio."""

from pathlib import Path

from doitstack_plugins.guest_image import cpio


def make_tree(path: Path) -> Path:
    (path / "bin").mkdir(parents=True)
    (path / "bin" / "sh").write_bytes(b"abc")
    (path / "bin" / "sh").chmod(0o755)
    (path / "bin" / "ls").symlink_to("sh")
    return path


def test_archive_has_the_names_in_an_order_that_can_be_unpacked(tmp_path: Path) -> None:
    packed = cpio.archive(make_tree(tmp_path / "tree"))
    assert packed.startswith(b"070701")
    places = [packed.index(name) for name in (b"bin\0", b"bin/ls\0", b"bin/sh\0", b"TRAILER!!!\0")]
    assert places == sorted(places)
    assert len(packed) % 4 == 0
