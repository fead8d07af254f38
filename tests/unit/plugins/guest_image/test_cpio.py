"""Archives, unpacked again by their own program if it is here."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

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


@pytest.mark.skipif(not shutil.which("cpio"), reason="needs cpio")
def test_archive_is_what_cpio_reads(tmp_path: Path) -> None:
    packed, there = cpio.archive(make_tree(tmp_path / "tree")), tmp_path / "there"
    there.mkdir()
    subprocess.run(["cpio", "-i", "--quiet"], input=packed, cwd=there, check=True)
    assert (there / "bin" / "ls").read_bytes() == b"abc"
    assert stat.S_IMODE((there / "bin" / "sh").stat().st_mode) == 0o755
