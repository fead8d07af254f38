"""The packages of which guests are made, with apt only played."""

from pathlib import Path

import pytest

from doitstack.errors import StepError
from doitstack.processes.program import Program
from doitstack_plugins.guest_image import parts
from tests.unit.plugins.libvirt.stacks import make_guests
from tests.unit.recorded_actions import RecordedActions

NEWEST = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n"


def test_packages_are_unpacked_and_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_guests(tmp_path)
    monkeypatch.setattr(stack, "output_of", lambda _: NEWEST)

    def download(program: Program) -> None:
        if "download" in program.argv:
            (tmp_path / "busybox.deb").touch()

    stage = RecordedActions(download)
    with stack.acting(stage):
        parts.fetch(stack, tmp_path)
    first, second = (list(map(str, program.argv)) for program in stage.programs)
    assert {"linux-image-6.1.0-56-cloud-amd64", *parts.PROGRAMS} <= set(first)
    assert "install" not in first
    assert second[:2] == ["dpkg-deb", "--extract"]
    assert not (tmp_path / "busybox.deb").exists()


def test_a_system_without_such_a_kernel_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_guests(tmp_path)
    monkeypatch.setattr(stack, "output_of", lambda _: "")
    with (
        stack.acting(RecordedActions(lambda program: None)),
        pytest.raises(StepError, match="set IMAGE_URLS"),
    ):
        parts.fetch(stack, tmp_path)


def test_libraries_are_found_by_the_names_that_programs_look_for(tmp_path: Path) -> None:
    for name in ("libz.so.1", "libz.so.1.2.13", "libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"):
        (tmp_path / name).touch()
    found = [path.name for path in parts.library_files(tmp_path)]
    assert found == ["libc.so.6", "libz.so.1", "ld-linux-x86-64.so.2"]
