"""Stacks of one directory with different DESTs."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from doitstack.config import dest_directory
from doitstack.config.settings import load_settings
from doitstack.services.other_stacks import OtherStack, other_stacks


def claim(top_dir: Path, dest: Path) -> Path:
    top_dir.mkdir(exist_ok=True)
    dest_directory.claim(load_settings(top_dir, {"DEST": str(dest)}))
    return dest


@pytest.fixture
def running() -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Programs to be ended."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def test_running_stacks_of_the_same_directory_are_found(
    tmp_path: Path, running: list["subprocess.Popen[bytes]"]
) -> None:
    top = tmp_path / "top"
    old, new = claim(top, tmp_path / "old"), claim(top, tmp_path / "new")
    claim(top, tmp_path / "stopped")
    foreign = claim(tmp_path / "other", tmp_path / "foreign")
    for dest in (old, new, foreign):
        for environ in (
            {"SERVICE_KEEPER": f"{dest}/supervisor"},
            {"SERVICE_KEEPER": f"{dest}/supervisor", "SUPERVISOR_PROCESS_NAME": "key"},
            {"DOITSTACK_STACK": f"{dest}"},
        ):
            running.append(subprocess.Popen(["sleep", "600"], env={**os.environ, **environ}))
    [other] = other_stacks(top, new)
    assert other == OtherStack(old, ("key", "sleep"))
    assert str(other) == (
        f"the stack of this directory in {old} still runs (key, sleep); "
        f"to stop it: DEST={old} doit unstack"
    )


@pytest.mark.parametrize("is_of_earlier_version", [False, True])
def test_default_dest_is_found_though_nothing_runs(
    tmp_path: Path, *, is_of_earlier_version: bool
) -> None:
    top = tmp_path / "top"
    default = claim(top, top / ".stack")
    if is_of_earlier_version:
        (default / ".doitstack").write_text("made by doitstack\n")
    assert other_stacks(top, default) == []
    [other] = other_stacks(top, tmp_path / "new")
    assert str(other).endswith(f"is still there; to remove it: DEST={default} doit clean")


def test_directory_of_nobody_is_no_stack(tmp_path: Path) -> None:
    (tmp_path / ".stack").mkdir()
    assert other_stacks(tmp_path, tmp_path / "new") == []
