"""The archive of a guest's files, unpacked by cpio itself."""

import stat
import subprocess
from pathlib import Path

from doitstack_plugins.guest_image import cpio
from tests.debian import have
from tests.unit.plugins.guest_image.test_cpio import make_tree


def test_archive_is_what_cpio_reads(tmp_path: Path) -> None:
    have("cpio", "cpio")
    packed, there = cpio.archive(make_tree(tmp_path / "tree")), tmp_path / "there"
    there.mkdir()
    subprocess.run(["cpio", "-i", "--quiet"], input=packed, cwd=there, check=True)
    assert (there / "bin" / "ls").read_bytes() == b"abc"
    assert stat.S_IMODE((there / "bin" / "sh").stat().st_mode) == 0o755
