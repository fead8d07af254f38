"""A plugin runs a program in its fork server, which is started for it."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

import fork_server
from doitstack import warm
from tests.served_stack_tool import StackTool


@pytest.fixture
def unserved(tmp_path: Path) -> Iterator[StackTool]:
    made = StackTool(tmp_path / "st'ack")
    yield made
    made.stack.services.stop_all()


def test_the_stamp_follows_the_environment(unserved: StackTool) -> None:
    before = warm.options(unserved.stack, unserved.program).stamp
    unserved.environment.stamp.write_text("made new")
    assert warm.options(unserved.stack, unserved.program).stamp != before


def test_put_replaces_a_link_and_writes_once(unserved: StackTool) -> None:
    path = Path(unserved.client)
    path.unlink()
    path.symlink_to(unserved.real)
    warm.put(unserved.stack, unserved.program)
    assert not path.is_symlink()
    inode = path.stat().st_ino
    warm.put(unserved.stack, unserved.program)
    assert path.stat().st_ino == inode
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_without_support_there_is_a_link(
    unserved: StackTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fork_server, "is_supported", lambda: False)
    warm.put(unserved.stack, unserved.program)
    assert os.readlink(unserved.client) == unserved.real
    warm.offer(unserved.stack, unserved.program)
    assert not (unserved.stack.dest / "supervisor").exists()
