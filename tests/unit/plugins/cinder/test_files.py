"""Volumes in files."""

from pathlib import Path

import pytest

from doitstack.processes.program import Program
from doitstack_plugins.cinder import files
from doitstack_plugins.libvirt import node
from tests.unit.plugins.cinder.test_backends import make
from tests.unit.recorded_actions import RecordedActions


def test_a_file_system_is_made_once_and_mounted_in_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make(tmp_path)
    monkeypatch.setattr(node, "command", lambda _: ["in-node"])

    def play(program: Program) -> None:
        if program.argv[0] == "/sbin/mke2fs":
            assert Path(program.argv[-1]).stat().st_size == 3 * 2**20

    stage = RecordedActions(play)
    with stack.acting(stage):
        files.mount(stack, tmp_path, "nfs", 3 * 2**20)
        files.mount(stack, tmp_path, "nfs", 3 * 2**20)
    assert [program.argv[0] for program in stage.programs] == [
        *("/sbin/mke2fs", "in-node", "in-node")
    ]
    assert files.image(tmp_path, "nfs").stat().st_mode & 0o777 == 0o600


def test_each_back_end_has_a_file_system_of_its_own(tmp_path: Path) -> None:
    shares = {files.options(tmp_path, name)["nas_share_path"] for name in ("one", "two")}
    assert len(shares) == 2
