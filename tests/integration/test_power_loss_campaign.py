"""The campaign of crashes of the machine in its short form; see docs/reliability.md."""

import sys
from pathlib import Path

import pytest

from tests.campaign.power_loss import PLAN, Campaign, end_of
from tests.campaign.recorder import Recorder
from tests.campaign.system_calls import CHANGES, OTHER_CHANGES, Watched, is_possible
from tests.conftest import MakeStackDir

pytestmark = pytest.mark.skipif(not is_possible(), reason="the kernel cannot ask about calls")


def test_no_state_that_a_crash_may_leave_is_believed(stack_dir: MakeStackDir) -> None:
    campaign = Campaign(stack_dir(PLAN), seed=1, runs=[("stack",)])
    result = campaign.run(variants=1, opened=0, step=3)
    assert result.faults == {}
    assert result.states > 60


@pytest.mark.full
def test_doit_goes_on_from_states_that_a_crash_may_leave(stack_dir: MakeStackDir) -> None:
    result = Campaign(stack_dir(PLAN), seed=2).run(variants=10, opened=20)
    assert result.faults == {}


CHANGING = """
import os
os.mkdir("a")
a = os.open("a/file", os.O_RDWR | os.O_CREAT)
os.write(a, b"some words")
os.link("a/file", "a/linked")
os.posix_fallocate(a, 0, 20)
copied = os.open("copied", os.O_RDWR | os.O_CREAT)
os.copy_file_range(a, copied, 6, offset_src=5)
os.lseek(a, 5, os.SEEK_SET)
os.copy_file_range(a, copied, 2, offset_dst=10)
os.sendfile(copied, a, 0, 4)
os.ftruncate(copied, 30)
os.ftruncate(a, 12)
os.rename("a", "b")
os.rename("b/linked", "../outside")
"""


def _recorded(directory: Path, code: str) -> Recorder:
    directory.mkdir()
    recorder = Recorder(directory)
    calls = {**CHANGES, **OTHER_CHANGES}
    watched = Watched([sys.executable, "-c", code], calls, recorder, cwd=directory)
    assert watched.communicate(60) == ""
    return recorder


def test_recorded_changes_lead_to_the_files_that_are_there(tmp_path: Path) -> None:
    recorder = _recorded(tmp_path / "here", CHANGING)
    assert recorder.unknown == set()
    files = [path for path in (tmp_path / "here").rglob("*") if path.is_file()]
    assert {path.name: path.read_bytes() for path in files} == {
        Path(name).name: content
        for name, content in end_of(recorder.changes).items()
        if isinstance(content, bytes)
    }
    assert sorted(end_of(recorder.changes)) == ["b", "b/file", "copied"]


@pytest.mark.parametrize(
    ("code", "unknown"),
    [
        ("import mmap; f = open('x', 'r+'); mmap.mmap(f.fileno(), 5)[:] = b'words'", "mmap x"),
        ("import os; os.truncate('x', 3)", "truncate x"),
        ("import os; os.rename('../y', 'x')", "rename DIRECTORY/y to x"),
    ],
)
def test_change_that_cannot_be_recorded_is_told(tmp_path: Path, code: str, unknown: str) -> None:
    (tmp_path / "y").touch()
    recorder = _recorded(tmp_path / "here", f"open('x', 'w').write('other');{code}")
    assert recorder.unknown == {unknown.replace("DIRECTORY", str(tmp_path))}
